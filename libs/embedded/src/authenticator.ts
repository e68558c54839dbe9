import { Secret, TOTP } from 'otpauth';

const STEP_MS = 30_000;
/** With less than this left, the step may be over before the code has arrived. */
const MARGIN_MS = 2_000;

/** An authenticator app with one key (RFC 6238: SHA-1, six digits, 30 s), for whoever signs in without a phone. */
export class Authenticator {
  private lastStep: number;

  /**
   * @param secret in base32
   * @param usedElsewhere whether other processes give codes of the same key out; the one before has then been used
   */
  constructor(
    readonly secret: string,
    { usedElsewhere = false } = {},
  ) {
    this.lastStep = usedElsewhere ? Math.floor(Date.now() / STEP_MS) - 1 : 0;
  }

  /** What the app shows at `now` (Unix ms), and for how many seconds. */
  shown(now = Date.now()): { readonly code: string; readonly seconds: number } {
    return { code: this.codeOf(Math.floor(now / STEP_MS)), seconds: Math.ceil((STEP_MS - (now % STEP_MS)) / 1000) };
  }

  /**
   * A code that this object has not given out before, since none is accepted twice; a step too early or too late is
   * accepted, so that three are to be had at once. Waits for the next where all are used.
   */
  async nextCode(): Promise<string> {
    const now = Date.now();
    const current = Math.floor(now / STEP_MS);
    const earliest = STEP_MS - (now % STEP_MS) > MARGIN_MS ? current - 1 : current;
    const step = Math.max(earliest, this.lastStep + 1);
    this.lastStep = step;
    const waitMs = (step - 1) * STEP_MS - now;
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    return this.codeOf(step);
  }

  private codeOf(step: number): string {
    return new TOTP({ secret: Secret.fromBase32(this.secret) }).generate({ timestamp: step * STEP_MS });
  }
}
