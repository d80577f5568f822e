// SPDX-License-Identifier: AGPL-3.0-or-later
declare module 'texts:*' {
  const words: Record<string, string | Partial<Record<Intl.LDMLPluralRule, string>>>
  export default words
}
