/** The theme for work in the sun: black on white, larger. It is this tablet's own and goes before day and night. */
const KEY = 'sitewarden-sun'

export const light = $state({ sun: localStorage.getItem(KEY) === 'yes' })

export function showLight(): void {
  document.documentElement.toggleAttribute('data-sun', light.sun)
}

export function setSun(sun: boolean): void {
  light.sun = sun
  localStorage.setItem(KEY, sun ? 'yes' : 'no')
  showLight()
}
