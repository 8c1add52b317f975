import { mount } from 'svelte'
import App from './App.svelte'
import './look/base.css'
import { kept } from './look/page.svelte'
import { loaderOf } from './shell/pages'

// Begins to fetch the page that the address will need, beside what is asked of the API meanwhile.
const [, , page = 'board'] = location.pathname.split('/').filter(Boolean)
void loaderOf(page)?.()

mount(App, { target: document.getElementById('app')! })
kept()
