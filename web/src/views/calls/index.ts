// SPDX-License-Identifier: AGPL-3.0-or-later
// Logged calls and call-backs, in one piece; fetched when somebody asks for them.
export { default as Calls } from './calls.svelte'
