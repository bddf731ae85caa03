// OpenAI's Node SDK.

import { assert, KEY, load, longText, main, MODEL, person, URL_, WRONG_KEY } from './common.mjs'

const { default: OpenAI } = await load('openai')
const { zodResponseFormat } = await load('openai/helpers/zod')
const { z } = await load('zod')

const client = new OpenAI({ baseURL: `${URL_}/v1`, apiKey: KEY })
const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const tools = [{ type: 'function', function: { name: 'get_weather', description: 'The weather', parameters } }]
const asked = (content) => ({ model: MODEL, messages: [{ role: 'user', content }] })
const text = async (request) => (await client.chat.completions.create(request)).choices[0].message.content

await main({
  async chat(facts) {
    const answer = await client.chat.completions.create(asked(facts.ask))
    assert.equal(answer.choices[0].message.content, facts.text)
    assert.ok(answer.usage.prompt_tokens > 0)
    const response = await client.responses.create({ model: MODEL, input: facts.ask, store: false })
    assert.equal(response.output_text, facts.text)
  },
  async stream(facts) {
    const pieces = []
    const stream = await client.chat.completions.create({ ...asked(facts.ask), stream: true })
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) pieces.push(chunk.choices[0].delta.content)
    assert.ok(pieces.length > 3)
    assert.equal(pieces.join(''), facts.text)
  },
  async tools(facts) {
    const request = { ...asked(facts.ask), tools }
    const message = (await client.chat.completions.create(request)).choices[0].message
    const [call] = message.tool_calls
    assert.equal(call.function.name, 'get_weather')
    assert.deepEqual(JSON.parse(call.function.arguments), { city: facts.city })
    request.messages.push(message, { role: 'tool', tool_call_id: call.id, content: facts.result })
    assert.equal(await text(request), facts.text)
  },
  async structured(facts) {
    const response_format = zodResponseFormat(person(z), 'person')
    const answer = await client.chat.completions.parse({ ...asked(facts.ask), response_format })
    assert.deepEqual(answer.choices[0].message.parsed, facts.value)
  },
  async images(facts) {
    const picture = { type: 'image_url', image_url: { url: `data:image/png;base64,${facts.png}` } }
    assert.equal(await text(asked([{ type: 'text', text: facts.ask }, picture])), facts.text)
  },
  async errors(facts) {
    await assert.rejects(client.chat.completions.create(asked(facts.ask)), (error) => {
      assert.ok(error instanceof OpenAI.BadRequestError)
      assert.equal(error.code, 'context_length_exceeded')
      assert.ok(error.requestID)
      return true
    })
    const stranger = new OpenAI({ baseURL: `${URL_}/v1`, apiKey: WRONG_KEY })
    await assert.rejects(stranger.chat.completions.create(asked(facts.ask)), OpenAI.AuthenticationError)
  },
  async cancel(facts) {
    const stream = await client.chat.completions.create({ ...asked(facts.ask), stream: true })
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta.content) {
        stream.controller.abort()
        break
      }
    }
  },
  async long(facts) {
    assert.equal(await text(asked(longText(facts))), facts.text)
  },
})
