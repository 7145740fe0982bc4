import { describe, expect, test } from '@jest/globals';

import { describeMessage, describeReady, messageTypeOfName, quoteBytes } from './describe.ts';
import { EntryType, MessageType } from './messages.ts';
import { newMessage } from './new-message.ts';

describe('describe', () => {
  test.each([
    [Buffer.from(''), '""'],
    [Buffer.from('foo "bar" \\'), '"foo \\"bar\\" \\\\"'],
    [Buffer.from('a\tb\nc\r\x07\x08\x0b\x0c'), '"a\\tb\\nc\\r\\a\\b\\v\\f"'],
    [Buffer.from([0, 1, 0x7f, 0xff, 0xc3]), '"\\x00\\x01\\x7f\\xff\\xc3"'],
    [Buffer.from('naïve ∞ 😀'), '"naïve ∞ 😀"'],
    [Buffer.from('\u00a0\u200b'), '"\\u00a0\\u200b"'],
  ])('quoteBytes(%j)', (data, expected) => {
    expect(quoteBytes(data)).toBe(expected);
  });

  test('describeMessage() lists several entries on lines of their own', () => {
    const entry = { term: 1, index: 2, type: EntryType.normal, data: Buffer.from('x') };
    const message = newMessage(MessageType.app, 17);
    message.entries = [
      entry,
      { ...entry, index: 3, type: EntryType.confChangeV2, data: Buffer.alloc(0) },
    ];
    expect(describeMessage(message)).toBe(
      'None->11 MsgApp Term:0 Log:0/0 Entries:[\n  1/2 EntryNormal "x"\n  1/3 EntryConfChangeV2\n]',
    );
  });

  test('describeReady() shows read states, and says when there is nothing', () => {
    const ready = {
      softState: undefined,
      hardState: undefined,
      readStates: [{ index: 4, context: Buffer.from('ab') }],
      entries: [],
      snapshot: undefined,
      committedEntries: [],
      messages: [],
      mustSync: false,
    };
    expect(describeReady(ready)).toBe('Ready MustSync=false:\nReadStates [{4 [97 98]}]\n');
    expect(describeReady({ ...ready, readStates: [] })).toBe('<empty Ready>');
  });

  test('messageTypeOfName() knows the names of the traces', () => {
    expect(messageTypeOfName('MsgAppResp')).toBe(MessageType.appResp);
    expect(messageTypeOfName('MsgNothing')).toBeUndefined();
  });
});
