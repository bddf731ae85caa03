// Anthropic's TypeScript SDK.

import { assert, KEY, load, longText, main, MODEL, person, URL_, WRONG_KEY } from './common.mjs'

const { default: Anthropic } = await load('@anthropic-ai/sdk')
const { zodOutputFormat } = await load('@anthropic-ai/sdk/helpers/zod')
const { z } = await load('zod')

const client = new Anthropic({ baseURL: URL_, apiKey: KEY })
const input_schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const tools = [{ name: 'get_weather', description: 'The weather', input_schema }]
const asked = (content) => ({ model: MODEL, max_tokens: 500, messages: [{ role: 'user', content }] })
const text = async (request) => (await client.messages.create(request)).content[0].text

await main({
  async chat(facts) {
    const answer = await client.messages.create(asked(facts.ask))
    assert.equal(answer.content[0].text, facts.text)
    assert.ok(answer.usage.input_tokens > 0)
  },
  async stream(facts) {
    const pieces = []
    const stream = client.messages.stream(asked(facts.ask)).on('text', (piece) => pieces.push(piece))
    const final = await stream.finalMessage()
    assert.ok(pieces.length > 3)
    assert.equal(pieces.join(''), facts.text)
    assert.equal(final.content[0].text, facts.text)
  },
  async tools(facts) {
    const request = { ...asked(facts.ask), tools }
    const answer = await client.messages.create(request)
    const call = answer.content.find((block) => block.type === 'tool_use')
    assert.equal(call.name, 'get_weather')
    assert.deepEqual(call.input, { city: facts.city })
    const result = { type: 'tool_result', tool_use_id: call.id, content: facts.result }
    request.messages.push({ role: 'assistant', content: answer.content }, { role: 'user', content: [result] })
    assert.equal(await text(request), facts.text)
  },
  async structured(facts) {
    const output_config = { format: zodOutputFormat(person(z)) }
    const answer = await client.messages.parse({ ...asked(facts.ask), output_config })
    assert.deepEqual(answer.parsed_output, facts.value)
  },
  async images(facts) {
    const picture = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: facts.png } }
    assert.equal(await text(asked([picture, { type: 'text', text: facts.ask }])), facts.text)
  },
  async errors(facts) {
    await assert.rejects(client.messages.create(asked(facts.ask)), (error) => {
      assert.ok(error instanceof Anthropic.BadRequestError)
      assert.equal(error.error.error.type, 'invalid_request_error')
      assert.ok(error.requestID)
      return true
    })
    const stranger = new Anthropic({ baseURL: URL_, apiKey: WRONG_KEY })
    await assert.rejects(stranger.messages.create(asked(facts.ask)), Anthropic.AuthenticationError)
  },
  async cancel(facts) {
    const stream = client.messages.stream(asked(facts.ask))
    stream.on('text', () => stream.abort())
    await assert.rejects(stream.finalMessage(), Anthropic.APIUserAbortError)
  },
  async long(facts) {
    assert.equal(await text(asked(longText(facts))), facts.text)
  },
})
