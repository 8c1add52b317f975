/** Whether the server still knows who looks: a session can end while somebody is in the middle of a form. */
export const session = $state({ ended: false })
