// Coze's JavaScript client against the emulator: the calls of coze-js's own examples (chat, local plugin,
// conversation, files, bots, workflow), each checked. Environment: COZE_BASE_URL, COZE_BOT_ID, COZE_API_KEY.
import assert from 'node:assert/strict';
import { createReadStream, statSync } from 'node:fs';
import { ChatEventType, ChatStatus, COZE_CN_BASE_URL, CozeAPI, RoleType } from '@coze/api';

const baseURL = process.env.COZE_BASE_URL;
const bot_id = process.env.COZE_BOT_ID;
assert(baseURL && baseURL !== COZE_CN_BASE_URL);
const client = new CozeAPI({ baseURL, token: process.env.COZE_API_KEY });
const question = (content) => [{ role: RoleType.User, content, content_type: 'text' }];

async function collect(stream) {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
}
const of = (events, name) => events.filter((event) => event.event === name).map((event) => event.data);
const answers = (events) =>
  of(events, ChatEventType.CONVERSATION_MESSAGE_COMPLETED)
    .filter((message) => message.type === 'answer')
    .map((message) => message.content);

// chat-local-plugin.ts: a stream that pauses, outputs that let it go on.
{
  const first = await collect(
    client.chat.stream({ bot_id, auto_save_history: true, additional_messages: question('深圳天气') }),
  );
  const [chat] = of(first, ChatEventType.CONVERSATION_CHAT_REQUIRES_ACTION);
  const { tool_calls } = chat.required_action.submit_tool_outputs;
  assert.deepEqual(
    tool_calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)]),
    [['get_current_temperature', { input: '深圳' }]],
  );
  assert.equal(first.at(-1).event, ChatEventType.DONE);
  const rest = await collect(
    client.chat.submitToolOutputs({
      conversation_id: chat.conversation_id,
      chat_id: chat.id,
      auto_save_history: true,
      stream: true,
      tool_outputs: tool_calls.map((call) => ({
        tool_call_id: call.id,
        output: JSON.stringify({ output: '深圳:多云；气温13-18℃；东北风3级' }),
      })),
    }),
  );
  assert.equal(rest[0].event, ChatEventType.CONVERSATION_CHAT_IN_PROGRESS);
  assert.deepEqual(answers(rest), ['深圳:多云；气温13-18℃；东北风3级']);
  assert.ok(of(rest, ChatEventType.CONVERSATION_CHAT_COMPLETED)[0].usage.token_count > 0);
  assert.equal(rest.at(-1).event, ChatEventType.DONE);
  console.log('local plugin:', answers(rest)[0]);
}

// chat.ts: streaming without history, polling, cancelling.
{
  const events = await collect(
    client.chat.stream({ bot_id, auto_save_history: false, additional_messages: question('give me a joke') }),
  );
  const streamed = of(events, ChatEventType.CONVERSATION_MESSAGE_DELTA).map((delta) => delta.content);
  assert.deepEqual([streamed.join('')], answers(events));
  const polled = await client.chat.createAndPoll({ bot_id, additional_messages: question('give me a joke') });
  assert.equal(polled.chat.status, ChatStatus.COMPLETED);
  assert.equal(polled.messages.find((message) => message.type === 'answer').content, streamed.join(''));
  await assert.rejects(client.chat.cancel(polled.chat.conversation_id, polled.chat.id), (error) => error.code === 4104);
  console.log('chat:', streamed.join(''));
}

// conversation.ts and file.ts, and the lists of bots.
{
  const conversation = await client.conversations.create({ bot_id, meta_data: { from: 'node' } });
  const made = await client.conversations.messages.create(conversation.id, {
    role: RoleType.User,
    content: 'hello',
    content_type: 'text',
    meta_data: { rid: '1' },
  });
  const listed = await client.conversations.messages.list(conversation.id);
  assert.deepEqual(listed.data.map((message) => [message.id, message.meta_data]), [[made.id, { rid: '1' }]]);
  assert.equal(listed.has_more, false);
  const cleared = await client.conversations.clear(conversation.id);
  assert.equal(cleared.conversation_id, conversation.id);
  const file = await client.files.upload({ file: createReadStream(process.argv[1]) });
  assert.equal(file.bytes, statSync(process.argv[1]).size);
  const bots = await client.bots.list({ space_id: '1' });
  assert.equal(bots.space_bots[0].bot_id, bot_id);
  await assert.rejects(
    client.conversations.retrieve('1'),
    (error) => error.code === 4000 && error.logid?.length > 20,
  );
  console.log('conversation:', conversation.id, 'file:', file.id);
}
// workflow.ts: an interrupt, and the answer to it.
{
  const workflow_id = '7397395079142350002';
  const first = await collect(client.workflows.runs.stream({ workflow_id, parameters: {} }));
  const { event_id, type } = first.at(-1).data.interrupt_data;
  assert.equal(first.at(-1).event, 'Interrupt');
  const rest = await collect(
    client.workflows.runs.resume({ workflow_id, event_id, interrupt_type: type, resume_data: '深圳' }),
  );
  const end = rest.find((event) => event.event === 'Message').data;
  assert.deepEqual(JSON.parse(end.content), { output: '深圳：多云，13-18℃' });
  console.log('workflow:', end.content);
}
console.log('all is well');
