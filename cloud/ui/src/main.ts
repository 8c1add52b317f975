import { mount } from 'svelte'
import App from './App.svelte'
import './look/base.css'
import { loaderOf } from './shell/pages'

/** Begins to fetch what the address will need, beside what is asked of the API meanwhile. */
function fetchAhead([first, , page = 'board']: readonly string[]) {
  if (first === 'field') void import('./field/Field.svelte')
  else void Promise.all([import('./live/site.svelte'), import('./shell/Room.svelte'), loaderOf(page)?.()])
}

fetchAhead(location.pathname.split('/').filter(Boolean))

mount(App, { target: document.getElementById('app')! })
if ('serviceWorker' in navigator && import.meta.env.PROD) void navigator.serviceWorker.register('/sw.js')
