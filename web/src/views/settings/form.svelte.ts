// SPDX-License-Identifier: AGPL-3.0-or-later
// What every form of the settings does: one request at a time, errors at their fields, a word when done.
import { ApiError } from '../../api/client'
import { reason } from '../../state/actions'
import { toasts } from '../../state/toasts.svelte'

export class Form {
  busy = $state(false)
  failed = $state.raw<ApiError | null>(null)

  async run<T>(request: () => Promise<T>, said = ''): Promise<T | undefined> {
    if (this.busy) return undefined
    this.busy = true
    this.failed = null
    try {
      const answer = await request()
      if (said) toasts.show(said)
      return answer
    } catch (error) {
      this.failed = error instanceof ApiError ? error : new ApiError(0, String(error))
      return undefined
    } finally {
      this.busy = false
    }
  }
  field(name: string): string | undefined {
    return this.failed?.field(name)
  }
  /** What is wrong with no field of the form in particular. */
  other(...fields: string[]): string {
    if (!this.failed || this.failed.errors.some((e) => fields.includes(e.field))) return ''
    return reason(this.failed)
  }
}
