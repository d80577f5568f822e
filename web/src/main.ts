// SPDX-License-Identifier: AGPL-3.0-or-later
import './style/tokens.css'
import './style/base.css'
import './views/inbox/inbox.css'
import { mount } from 'svelte'
import App from './app.svelte'
import { router } from './state/router.svelte'
import { rememberedLook } from './state/session.svelte'
import { browserLanguage, text } from './text/text.svelte'

rememberedLook()
router.start()
await text.use(browserLanguage())
mount(App, { target: document.body })
