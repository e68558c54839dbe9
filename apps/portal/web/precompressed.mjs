import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

const COMPRESSIBLE = /\.(js|css|svg|html)$/;
const brotli = promisify(brotliCompress);
const gz = promisify(gzip);

/** Writes each text file of the build as `.br` and `.gz` beside it, for the gateway to hand out as they are. */
export const precompressed = () => ({
  name: 'precompressed',
  apply: 'build',
  async writeBundle({ dir }) {
    const names = await readdir(dir, { recursive: true });
    const files = names.filter((name) => COMPRESSIBLE.test(name)).map((name) => join(dir, name));
    await Promise.all(files.map((file) => compress(file)));
  },
});

async function compress(file) {
  const content = await readFile(file);
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
    [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
  };
  await Promise.all([
    brotli(content, { params }).then((data) => writeFile(`${file}.br`, data)),
    gz(content, { level: 9 }).then((data) => writeFile(`${file}.gz`, data)),
  ]);
}
