// SPDX-License-Identifier: AGPL-3.0-or-later
// All that the composer loads behind the first paint, in one piece.
export { default as Above } from './above.svelte'
export { default as Mention } from './mention.svelte'
export { default as Tools } from './tools.svelte'
export { Writing } from './writing.svelte'
export { default as Forward } from './forward.svelte'
export { default as MailTo } from './mail_to.svelte'
export { default as Edit } from './edit.svelte'
export { default as HandOver } from './hand_over.svelte'
export { default as Versions } from './versions.svelte'
export { default as Steered } from './steered.svelte'
export { default as Start } from './start.svelte'
