import { defineConfig } from 'vite';
import { precompressed } from './precompressed.mjs';

// The page's policy allows no inline content, so that everything, however small, is a file of its own.
export default defineConfig({
  root: import.meta.dirname,
  publicDir: false,
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // For .size-limit.mjs, which adds up what a route loads.
    manifest: true,
    chunkSizeWarningLimit: 700,
    rolldownOptions: {
      // Packages mark their files for React's servers; here is none.
      onLog: (level, log, handle) => {
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') handle(level, log);
      },
    },
  },
  plugins: [precompressed()],
});
