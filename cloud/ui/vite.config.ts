import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig, type Plugin } from 'vite'

/** Writes `sw.js`: the service worker with the list of built files and a version of them put in front. */
function serviceWorker(): Plugin {
  return {
    name: 'sitewarden-service-worker',
    apply: 'build',
    generateBundle: {
      order: 'post',
      handler(_options, bundle) {
        const built = Object.keys(bundle).filter((file) => !/\.(html|map|md)$/.test(file))
        const files = ['/', '/field', ...built.map((file) => `/${file}`), ...readdirSync('public').map((file) => `/${file}`)]
        const digest = createHash('sha256')
        for (const [name, file] of Object.entries(bundle).sort(([a], [b]) => (a < b ? -1 : 1)))
          digest.update(name).update(file.type === 'chunk' ? file.code : file.source)
        const own = readFileSync('src/sw.js', 'utf8')
        const version = digest.update(own).digest('hex').slice(0, 12)
        const head = `const VERSION = ${JSON.stringify(version)};\nconst FILES = ${JSON.stringify(files)};\n`
        this.emitFile({ type: 'asset', fileName: 'sw.js', source: head + own })
      },
    },
  }
}

/** While developing, the tablet's addresses lead to its page, as they do on the real server. */
function tabletPage(): Plugin {
  return {
    name: 'sitewarden-tablet-page',
    configureServer(server) {
      server.middlewares.use((request, _answer, next) => {
        if (/^\/(field|t)(\/[^.]*)?(\?|$)/.test(request.url ?? '')) request.url = '/field.html'
        next()
      })
    },
  }
}

export default defineConfig({
  plugins: [svelte(), tabletPage(), serviceWorker()],
  // Dexie's default is built for browsers of ten years ago, and larger.
  resolve: { alias: { '@': new URL('./src', import.meta.url).pathname, dexie: 'dexie/dist/modern/dexie.min.mjs' } },
  build: {
    target: 'es2022',
    outDir: '../web/static',
    emptyOutDir: true,
    rolldownOptions: { input: ['index.html', 'field.html'] },
    assetsDir: 'assets',
    modulePreload: { polyfill: false },
    license: { fileName: 'assets/licenses.md' },
  },
  server: { proxy: { '/api': 'http://127.0.0.1:8080' } },
})
