// SPDX-License-Identifier: AGPL-3.0-or-later
// Signing in with more than a password, on the page: passkeys with the browser's own virtual devices, codes of an
// app, recovery codes. Passkeys need a name, so this Heed is opened as localhost.
import { createHmac } from 'node:crypto'
import { axe, signIn } from '../lib/browser.mjs'
import { Heed } from '../lib/heed.mjs'
import { check, equal, test, until } from '../lib/run.mjs'

const PASSWORD = 'four plain words here'
const ADA = 'ada@saltmarsh.example'

/** The code that an authenticator app shows (RFC 6238). */
function code(secret, ago = 0) {
  const bits = [...secret.replace(/\s/g, '')].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('')
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)))
  const step = Buffer.alloc(8)
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) - ago))
  const mac = createHmac('sha1', key).update(step).digest()
  return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}

/** A device in the browser: finger and all. */
async function device(page, options = {}) {
  const cdp = await page.context().newCDPSession(page)
  await cdp.send('WebAuthn.enable')
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true, ...options },
  })
  return {
    verifies: (isUserVerified) => cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified }),
    keys: async () => (await cdp.send('WebAuthn.getCredentials', { authenticatorId })).credentials,
    put: (credential) => cdp.send('WebAuthn.addCredential', { authenticatorId, credential }),
    forget: (credentialId) => cdp.send('WebAuthn.removeCredential', { authenticatorId, credentialId }),
  }
}

async function signOut(page) {
  await page.goto(`${new URL(page.url()).origin}/settings/me`)
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.waitForURL('**/sign-in**')
}
async function password(page, origin) {
  await page.goto(`${origin}/sign-in`)
  await page.getByLabel('E-mail').fill(ADA)
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
}
const inside = (page) => page.waitForSelector('.st-live', { state: 'attached' })

export async function account({ browser }) {
  const world = async (run) => {
    const heed = await Heed.start({ name: 'localhost' })
    heed.user(ADA, 'Ada Kask', 'owner', PASSWORD)
    const page = await browser.page({ name: 'ada' })
    try {
      await signIn(page, { url: heed.site }, ADA, PASSWORD)
      await run(heed, page)
      equal(await browser.violations(page), [], 'the content policy holds')
    } finally {
      await page.context().close()
      await heed.stop()
    }
  }

  test('a passkey is made, signs in alone and as the second step, and is removed', () =>
    world(async (heed, page) => {
      const finger = await device(page)
      await page.goto(`${heed.site}/settings/me`)
      const mine = page.locator('#passkeys')
      await mine.getByRole('button', { name: 'Add a passkey' }).click()
      equal(await mine.getByLabel('Name', { exact: true }).inputValue(), 'Chrome, Linux')
      await mine.getByLabel('Name', { exact: true }).fill('Desk laptop')
      await mine.getByLabel('Present password').fill('not this one')
      await mine.getByRole('button', { name: 'Go on, on the device' }).click()
      await mine.getByText('This is not the current password.').waitFor()
      await mine.getByLabel('Present password').fill(PASSWORD)
      await mine.getByRole('button', { name: 'Go on, on the device' }).click()
      await mine.getByText('Desk laptop').waitFor()
      equal(await page.locator('#second-factor .codes li').count(), 10, 'recovery codes with the first one')
      equal((await axe(page)).filter((v) => !v.includes('.toasts')), [])
      if (process.env.HEED_SHOTS) await page.screenshot({ path: `${process.env.HEED_SHOTS}/passkeys.png`, fullPage: true })
      const [key] = await finger.keys()
      check(key.isResidentCredential && key.rpId === 'localhost', JSON.stringify(key))
      // The same device twice: the browser itself says so.
      await mine.getByRole('button', { name: 'Add a passkey' }).click()
      await mine.getByLabel('Present password').fill(PASSWORD)
      await mine.getByRole('button', { name: 'Go on, on the device' }).click()
      await mine.getByText('This device has a passkey here already.').waitFor()
      await mine.getByRole('button', { name: 'Cancel' }).click()
      await mine.getByRole('button', { name: 'Rename: Desk laptop' }).click()
      await mine.getByLabel('Name', { exact: true }).fill('Old laptop')
      await mine.getByRole('button', { name: 'Rename', exact: true }).last().click()
      await mine.getByText('Old laptop').waitFor()
      // Alone, without an address.
      await signOut(page)
      equal(await axe(page), [])
      if (process.env.HEED_SHOTS) await page.screenshot({ path: `${process.env.HEED_SHOTS}/door.png` })
      await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
      await inside(page)
      // As the second step.
      await signOut(page)
      await password(page, heed.site)
      await page.getByText('One more step: your passkey, or a recovery code.').waitFor()
      await page.getByRole('button', { name: 'Use a passkey' }).click()
      await inside(page)
      await page.goto(`${heed.site}/settings/me`)
      await until(async () => !(await mine.getByText('never used').count()), 'it says when it was last used')
      // Removed, the password alone is enough again, and the passkey is known nowhere.
      await mine.getByRole('button', { name: 'Remove: Old laptop' }).click()
      await mine.getByLabel('Present password').fill(PASSWORD)
      await mine.getByRole('button', { name: 'Yes, remove' }).click()
      await until(async () => (await mine.getByText('Old laptop').count()) === 0, 'it is gone')
      await signOut(page)
      await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
      await page.getByText('This passkey is not known here').waitFor()
      await password(page, heed.site)
      await inside(page)
    }))

  test('a device that cannot tell who is there, and one that was copied, do not sign in', () =>
    world(async (heed, page) => {
      const finger = await device(page)
      await page.goto(`${heed.site}/settings/me`)
      const mine = page.locator('#passkeys')
      await mine.getByRole('button', { name: 'Add a passkey' }).click()
      await mine.getByLabel('Present password').fill(PASSWORD)
      await mine.getByRole('button', { name: 'Go on, on the device' }).click()
      await mine.getByText('Chrome, Linux').first().waitFor()
      await signOut(page)
      await finger.verifies(false)
      await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
      await page.getByText('The device gave no passkey').waitFor()
      await finger.verifies(true)
      await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
      await inside(page)
      await signOut(page)
      // Its copy counts from the beginning.
      const [key] = await finger.keys()
      check(key.signCount > 1, JSON.stringify(key.signCount))
      await finger.forget(key.credentialId)
      await finger.put({ ...key, signCount: 1 })
      await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
      await page.getByText('there may be a copy of it').waitFor()
      await finger.forget(key.credentialId)
      await finger.put({ ...key, signCount: 90 })
      await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
      await inside(page)
      await page.goto(`${heed.site}/settings/me`)
      await mine.getByText('its counter went backwards').waitFor()
    }))

  test('an app is set up, its code signs in, a recovery code too, and once', () =>
    world(async (heed, page) => {
      await page.goto(`${heed.site}/settings/me`)
      const factor = page.locator('#second-factor')
      await factor.getByRole('button', { name: 'Set up an app' }).click()
      await factor.getByLabel('Present password').fill(PASSWORD)
      await factor.getByRole('button', { name: 'Set up an app' }).click()
      await factor.locator('canvas.qr').waitFor()
      await until(() => page.evaluate(() => document.querySelector('canvas.qr').width > 100), 'the QR code is drawn')
      const secret = await factor.locator('code.mono').innerText()
      equal(await axe(page), [])
      await factor.getByLabel('Code').fill('000000')
      await factor.getByRole('button', { name: 'Confirm' }).click()
      await factor.getByText('This code is not right').waitFor()
      await factor.getByLabel('Code').fill(code(secret, 1))
      await factor.getByRole('button', { name: 'Confirm' }).click()
      await factor.locator('.codes li').first().waitFor()
      const codes = await factor.locator('.codes li').allInnerTexts()
      equal(codes.length, 10)
      await factor.getByRole('button', { name: 'I have kept them' }).click()
      equal(await factor.locator('.codes li').count(), 0, 'shown once')
      await signOut(page)
      await password(page, heed.site)
      await page.getByText('One more step: open your authenticator app.').waitFor()
      equal(await axe(page), [])
      equal(await page.getByRole('button', { name: 'Use a passkey' }).count(), 0, 'there is none')
      await page.getByLabel('Code of your app').fill('000000')
      await page.getByRole('button', { name: 'Sign in', exact: true }).click()
      await page.getByText('This code is not right, or was used before.').waitFor()
      await page.getByLabel('Code of your app').fill(code(secret))
      await page.getByRole('button', { name: 'Sign in', exact: true }).click()
      await inside(page)
      for (const good of [true, false]) {
        await signOut(page)
        await password(page, heed.site)
        await page.getByLabel('Code of your app').fill(codes[0].toLowerCase())
        await page.getByRole('button', { name: 'Sign in', exact: true }).click()
        if (good) await inside(page)
        else await page.getByText('This code is not right, or was used before.').waitFor()
      }
      await page.getByLabel('Code of your app').fill(codes[1])
      await page.getByRole('button', { name: 'Sign in', exact: true }).click()
      await inside(page)
      await page.goto(`${heed.site}/settings/me`)
      await factor.getByText('8 recovery codes are left.').waitFor()
      await factor.getByRole('button', { name: 'Take it away' }).click()
      await factor.getByLabel('Code').fill(codes[2])
      await factor.getByRole('button', { name: 'Take it away' }).click()
      await factor.getByRole('button', { name: 'Set up an app' }).waitFor()
      await signOut(page)
      await password(page, heed.site)
      await inside(page)
    }))
}
