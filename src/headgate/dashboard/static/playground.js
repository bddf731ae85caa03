// Asks a model and shows its answer as it comes. Whatever a model says is text here, never markup.
"use strict";
(() => {
  const form = document.getElementById("ask");
  const turns = document.getElementById("turns");
  const told = document.getElementById("p-told");
  const send = document.getElementById("p-send");
  const stop = document.getElementById("p-stop");
  let said = [];
  let call = null;

  const field = (name) => form.elements[name].value.trim();

  function turn(role, text) {
    const box = document.createElement("div");
    box.className = `turn ${role}`;
    const who = document.createElement("b");
    who.textContent = role === "user" ? "You" : role === "error" ? "Error" : "Model";
    const body = document.createElement("div");
    body.className = "said";
    body.dir = "auto";
    body.textContent = visible(text);
    box.append(who, body);
    turns.append(box);
    return body;
  }

  // Controls of terminals and of the direction of writing are shown, not obeyed.
  function visible(text) {
    return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, "0")}`);
  }

  function body() {
    const asked = { model: field("model"), stream: true, stream_options: { include_usage: true } };
    const system = field("system");
    asked.messages = [...(system ? [{ role: "system", content: system }] : []), ...said];
    if (field("temperature")) asked.temperature = Number(field("temperature"));
    if (field("max_tokens")) asked.max_tokens = Number(field("max_tokens"));
    return JSON.stringify(asked);
  }

  async function ask() {
    said.push({ role: "user", content: field("user") });
    turn("user", field("user"));
    form.elements.user.value = "";
    send.disabled = true;
    stop.disabled = false;
    told.textContent = "Asking …";
    const begun = performance.now();
    let first = null;
    let text = "";
    const place = turn("assistant", "");
    call = new AbortController();
    const facts = [];
    try {
      const answer = await fetch(form.dataset.ask, {
        method: "POST",
        headers: { "content-type": "application/json", "x-headgate-csrf": form.dataset.csrf, "x-headgate-tags": "source=playground" },
        body: body(),
        signal: call.signal,
      });
      const target = answer.headers.get("x-headgate-target");
      if (target) facts.push(target);
      if (!answer.ok) throw new Error(await problem(answer));
      const id = answer.headers.get("x-headgate-request-id");
      for await (const event of events(answer.body)) {
        if (event.summary) {
          const { cost_usd: cost, usage, attempts } = event.summary;
          if (attempts > 1) facts.push(`${attempts} attempts`);
          if (usage) facts.push(`${usage.input_tokens ?? usage.prompt_tokens ?? "?"} tokens in, ${usage.output_tokens ?? usage.completion_tokens ?? "?"} out`);
          if (cost) facts.push(`$${cost}`);
          continue;
        }
        if (event.data.error) throw new Error(event.data.error.message);
        const piece = event.data.choices?.[0]?.delta?.content;
        if (piece) {
          first ??= performance.now() - begun;
          text += piece;
          place.textContent = visible(text);
        }
      }
      said.push({ role: "assistant", content: text });
      finish(facts, begun, first, id);
    } catch (error) {
      if (error.name === "AbortError") {
        said.push({ role: "assistant", content: text });
        finish(["stopped", ...facts], begun, first, null);
      } else {
        said.pop();
        if (!text) place.parentElement.remove();
        turn("error", error.message);
        told.textContent = facts.join(" · ");
      }
    } finally {
      send.disabled = false;
      stop.disabled = true;
      call = null;
    }
  }

  function finish(facts, begun, first, id) {
    const whole = Math.round(performance.now() - begun);
    if (first !== null) facts.push(`first token ${Math.round(first)} ms`);
    facts.push(`${whole} ms`);
    told.replaceChildren(facts.join(" · "));
    if (id && form.dataset.calls) {
      const link = document.createElement("a");
      link.href = form.dataset.calls + encodeURIComponent(id);
      link.textContent = "see the call";
      told.append(" · ", link);
    }
  }

  async function problem(answer) {
    try {
      const told = await answer.json();
      return told.error?.message || `Status ${answer.status}`;
    } catch {
      return `Status ${answer.status}`;
    }
  }

  // Server-sent events (HTML, section 9.2), and Headgate's own comment at a stream's end.
  async function* events(stream) {
    const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
    let held = "";
    for (;;) {
      const { value, done } = await reader.read();
      held += value || "";
      const blocks = held.split("\n\n");
      held = blocks.pop();
      for (const block of blocks) {
        const lines = block.split("\n");
        const summary = lines.find((line) => line.startsWith(": headgate "));
        if (summary) yield { summary: JSON.parse(summary.slice(11)) };
        const data = lines.filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trimStart()).join("\n");
        if (data && data !== "[DONE]") yield { data: JSON.parse(data) };
      }
      if (done) return;
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (call === null) ask();
  });
  form.elements.user.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  stop.addEventListener("click", () => call && call.abort());
  document.getElementById("p-clear").addEventListener("click", () => {
    if (call) call.abort();
    said = [];
    turns.replaceChildren();
    told.textContent = "";
  });
})();
