import { STATUS_CODES } from 'node:http';
import { problem, problemDocument } from './problem.js';

describe('a problem document', () => {
  it('has the members of RFC 9457, the code, and the fields at fault where there are any', () => {
    const errors = [{ field: 'name', rule: 'is required' }];
    const document = problemDocument(400, 'request.invalid', 'name: is required', errors);
    expect(JSON.stringify(document)).toBe(
      '{"type":"about:blank","title":"Bad Request","status":400,"detail":"name: is required","code":"request.invalid","errors":[{"field":"name","rule":"is required"}]}',
    );
    expect(problem.parse(document)).toEqual(document);
    expect(problemDocument(404, 'user.unknown', 'There is no such user.')).not.toHaveProperty('errors');
  });

  it('is titled as its status is, wherever it is built', () => {
    const titled = Object.keys(STATUS_CODES)
      .map((status) => [Number(status), problemDocument(Number(status), 'x', 'x').title] as const)
      .filter(([, title]) => title !== 'Error');
    expect(titled.length).toBeGreaterThan(20);
    for (const [status, title] of titled) expect([status, title]).toEqual([status, STATUS_CODES[status]]);
    expect(problemDocument(499, 'x', 'x').title).toBe('Error');
  });
});
