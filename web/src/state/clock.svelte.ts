// SPDX-License-Identifier: AGPL-3.0-or-later
// One clock for everything that shows time: ticks every 5 s, in the server's time.
import { skew } from '../api/client'

class Clock {
  now = $state(Date.now())
  constructor() {
    setInterval(() => this.tick(), 5000)
    document.addEventListener('visibilitychange', () => this.tick())
  }
  tick(): void {
    this.now = Date.now() + skew.ms
  }
}
export const clock = new Clock()
