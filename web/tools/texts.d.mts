// SPDX-License-Identifier: AGPL-3.0-or-later
export function asked(source: string): { keys: Set<string>; prefixes: Set<string> }
export function split(language: string): { first: Record<string, unknown>; later: Record<string, unknown>; files: string[] }
