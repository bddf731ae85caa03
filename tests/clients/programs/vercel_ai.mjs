// Vercel's AI SDK with its provider for OpenAI-compatible servers.

import { assert, KEY, load, longText, main, MODEL, person, URL_, WRONG_KEY } from './common.mjs'

const { APICallError, generateText, Output, stepCountIs, streamText, tool } = await load('ai')
const { createOpenAICompatible } = await load('@ai-sdk/openai-compatible')
const { z } = await load('zod')

const provider = (apiKey) =>
  createOpenAICompatible({ name: 'headgate', baseURL: `${URL_}/v1`, apiKey, supportsStructuredOutputs: true })
const model = provider(KEY)(MODEL)

await main({
  async chat(facts) {
    const answer = await generateText({ model, prompt: facts.ask })
    assert.equal(answer.text, facts.text)
    assert.ok(answer.usage.inputTokens > 0)
  },
  async stream(facts) {
    const pieces = []
    for await (const piece of streamText({ model, prompt: facts.ask }).textStream) pieces.push(piece)
    assert.ok(pieces.length > 3)
    assert.equal(pieces.join(''), facts.text)
  },
  async tools(facts) {
    const asked = []
    const get_weather = tool({
      description: 'The weather',
      inputSchema: z.object({ city: z.string() }),
      execute: async ({ city }) => {
        asked.push(city)
        return facts.result
      },
    })
    const answer = await generateText({ model, prompt: facts.ask, tools: { get_weather }, stopWhen: stepCountIs(3) })
    assert.deepEqual(asked, [facts.city])
    assert.equal(answer.text, facts.text)
  },
  async structured(facts) {
    const answer = await generateText({ model, prompt: facts.ask, output: Output.object({ schema: person(z) }) })
    assert.deepEqual(answer.output, facts.value)
  },
  async images(facts) {
    const picture = { type: 'file', data: Buffer.from(facts.png, 'base64'), mediaType: 'image/png' }
    const messages = [{ role: 'user', content: [{ type: 'text', text: facts.ask }, picture] }]
    assert.equal((await generateText({ model, messages })).text, facts.text)
  },
  async errors(facts) {
    const refused = (status) => (error) => {
      assert.ok(APICallError.isInstance(error))
      assert.equal(error.statusCode, status)
      return true
    }
    await assert.rejects(generateText({ model, prompt: facts.ask }), refused(400))
    await assert.rejects(generateText({ model: provider(WRONG_KEY)(MODEL), prompt: facts.ask }), refused(401))
  },
  async cancel(facts) {
    const abort = new AbortController()
    const { textStream } = streamText({ model, prompt: facts.ask, abortSignal: abort.signal })
    for await (const piece of textStream) if (piece) abort.abort()
  },
  async long(facts) {
    assert.equal((await generateText({ model, prompt: longText(facts) })).text, facts.text)
  },
})
