// What the programs share: the facts of their scene, where Headgate is, and how they begin.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

export { assert }
export const URL_ = process.env.HEADGATE_URL
export const KEY = process.env.HEADGATE_KEY
export const MODEL = process.env.HEADGATE_MODEL
export const WRONG_KEY = 'hg-this-key-was-never-made'

// Packages are in a folder outside the tree.
const require = createRequire(`${process.env.CLIENTS_NPM}/package.json`)
export const load = (name) => import(pathToFileURL(require.resolve(name)).href)

export const person = (z) => z.object({ name: z.string(), age: z.number().int(), likes: z.array(z.string()) })

export const longText = (facts) =>
  `${facts.begin} ${facts.filler.repeat(Math.floor(facts.bytes / facts.filler.length))} ${facts.end}`

export async function main(scenes) {
  const facts = JSON.parse(readFileSync(new URL('../facts.json', import.meta.url)))
  const scene = process.argv[2]
  await scenes[scene](facts[scene])
  console.log('played', scene)
}
