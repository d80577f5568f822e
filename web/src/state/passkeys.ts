// SPDX-License-Identifier: AGPL-3.0-or-later
// Passkeys between the server and the device: bytes are base64url on one side and buffers on the other.
import { api, ApiError } from '../api/client'
import type { Me, PasskeyAsk, PasskeyMade, PasskeyRequest } from '../api/shapes'
import { t, type Key } from '../text/text.svelte'

function bytes(text: string): ArrayBuffer {
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0)).buffer
}
function words(data: ArrayBuffer): string {
  return btoa(String.fromCharCode(...new Uint8Array(data))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}
const descriptors = (ids: string[]): PublicKeyCredentialDescriptor[] => ids.map((id) => ({ type: 'public-key', id: bytes(id) }))

/** What the browser has against it, in words a person can act on. */
async function ask<T>(device: () => Promise<Credential | null>): Promise<T> {
  try {
    return (await device()) as T
  } catch (error) {
    const name = error instanceof DOMException ? error.name : ''
    const key: Key = name === 'InvalidStateError' ? 'passkeys.again' : name === 'SecurityError' ? 'passkeys.elsewhere' : 'passkeys.stopped'
    throw new ApiError(499, t(key))
  }
}

export async function makePasskey(name: string, password: string): Promise<PasskeyMade> {
  const want = await api.post<PasskeyAsk>('/me/passkeys/begin', password ? { current_password: password } : {})
  const publicKey: PublicKeyCredentialCreationOptions = {
    challenge: bytes(want.challenge),
    rp: { id: want.rp_id, name: 'Heed' },
    user: { id: bytes(want.user_id), name: want.user_name, displayName: want.user_display_name },
    pubKeyCredParams: want.algorithms.map((alg) => ({ type: 'public-key', alg })),
    excludeCredentials: descriptors(want.exclude),
    authenticatorSelection: { residentKey: 'preferred', userVerification: 'preferred' },
    attestation: 'none',
    timeout: want.timeout_ms,
  }
  const made = await ask<PublicKeyCredential>(() => navigator.credentials.create({ publicKey }))
  const answer = made.response as AuthenticatorAttestationResponse
  return api.post<PasskeyMade>('/me/passkeys', { name, client_data: words(answer.clientDataJSON), attestation_object: words(answer.attestationObject) })
}

/** With a token: the second step of a sign-in. */
export async function signInByPasskey(token?: string): Promise<Me> {
  const step = token ? { token } : {}
  const want = await api.post<PasskeyRequest>('/session/passkey/begin', step, { quiet401: true })
  const publicKey: PublicKeyCredentialRequestOptions = {
    challenge: bytes(want.challenge),
    rpId: want.rp_id,
    allowCredentials: descriptors(want.allow),
    userVerification: want.user_verification as UserVerificationRequirement,
    timeout: want.timeout_ms,
  }
  const used = await ask<PublicKeyCredential>(() => navigator.credentials.get({ publicKey }))
  const answer = used.response as AuthenticatorAssertionResponse
  const handle = answer.userHandle?.byteLength ? { user_handle: words(answer.userHandle) } : {}
  return api.post<Me>(
    '/session/passkey',
    { id: words(used.rawId), client_data: words(answer.clientDataJSON), authenticator_data: words(answer.authenticatorData), signature: words(answer.signature), ...handle, ...step },
    { quiet401: true },
  )
}
