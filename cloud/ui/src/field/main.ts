import { mount } from 'svelte'
import '@/look/base.css'
import { kept } from '@/look/page.svelte'
import Field from './Field.svelte'

mount(Field, { target: document.getElementById('app')! })
kept()
