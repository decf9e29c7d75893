import { describe, expect, it } from 'vitest';
import { NLM_F_ACK, RTM_GETLINK, RTM_NEWLINK, RTM_NEWROUTE } from '../../../dataplane/netlink/constants.ts';
import { MessageBuilder } from '../../../dataplane/netlink/message-builder.ts';
import { NetlinkError } from '../../../dataplane/netlink/netlink-error.ts';
import { RouteSocket } from '../../../dataplane/netlink/route-socket.ts';
import { listenTo } from '../../../dataplane/netlink/subscription.ts';
import { datagram, FakeSocket, type SentMessage } from './fake-socket.ts';

const SUBJECT = { operation: 'create', object: 'vrf red' };

function message(type = RTM_NEWLINK): Uint8Array {
  return new MessageBuilder().begin(type, 0).linkHeader(0, 0, 0, 0).end().copy();
}

/** Routes in tables from 0 on: the table tells them apart. */
function routes(count: number): MessageBuilder {
  const builder = new MessageBuilder();
  for (let i = 0; i < count; i++) {
    builder.begin(RTM_NEWROUTE, NLM_F_ACK).routeHeader(2, 32, 0, 181, 0, 1, 0).attributeU32(15, i).end();
  }
  return builder;
}

function tableOf({ payload }: SentMessage): number {
  return new DataView(payload.buffer, payload.byteOffset).getUint32(16, true);
}

describe('RouteSocket.request', () => {
  it('gives the answers of the kernel', async () => {
    const payload = Uint8Array.of(1, 2, 3, 4);
    const socket = new RouteSocket(new FakeSocket(() => ({ replies: [{ type: 16, payload }] })).opened);
    expect(await socket.request(message(), SUBJECT)).toEqual([payload]);
  });

  it('keeps answers of requests apart that are under way together', async () => {
    const fake = new FakeSocket(({ type }) => ({ replies: [{ type, payload: Uint8Array.of(type) }] }));
    const socket = new RouteSocket(fake.opened);
    const answers = [16, 20, 24].map((type) => socket.request(message(type), SUBJECT));
    expect(await Promise.all(answers)).toEqual([16, 20, 24].map((type) => [Uint8Array.of(type)]));
    expect(new Set(fake.sent.map(({ sequence }) => sequence)).size).toBe(3);
    expect(fake.sent.every(({ flags }) => (flags & 0x5) === 0x5)).toBe(true);
  });

  it('rejects with operation, object and the words of the kernel', async () => {
    const socket = new RouteSocket(new FakeSocket(() => ({ errno: 17, text: 'Table in use' })).opened);
    const error = await socket.request(message(), SUBJECT).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(NetlinkError);
    expect(error).toMatchObject({ code: 'EEXIST', errno: 17, operation: 'create', object: 'vrf red' });
    expect(String(error)).toContain('create vrf red: EEXIST (file already exists): Table in use');
  });

  it('reads an error without text, and one with the whole message in it', async () => {
    const socket = new RouteSocket(new FakeSocket(() => ({ errno: 95 })).opened);
    await expect(socket.request(message(), SUBJECT)).rejects.toMatchObject({ code: 'EOPNOTSUPP' });
  });

  it('does not listen to other processes', async () => {
    const fake = new FakeSocket(() => ({ errno: 1 }));
    const socket = new RouteSocket(fake.opened);
    const answer = socket.request(message(), SUBJECT);
    fake.deliver(datagram(2, 0, fake.sent[0]?.sequence ?? 0, new Uint8Array(20)), 4711);
    await expect(answer).rejects.toMatchObject({ code: 'EPERM' });
  });

  it('keeps the process alive only while it waits', async () => {
    const fake = new FakeSocket();
    const socket = new RouteSocket(fake.opened);
    expect(fake.referenced).toBe(false);
    const answer = socket.request(message(), SUBJECT);
    expect(fake.referenced).toBe(true);
    await answer;
    expect(fake.referenced).toBe(false);
  });

  it('rejects what waits when it is closed, and all after that', async () => {
    const fake = new FakeSocket();
    const socket = new RouteSocket(fake.opened);
    const waiting = [socket.request(message(), SUBJECT), socket.sendBatch(routes(2).bytes())];
    const outcomes = Promise.allSettled(waiting);
    await Promise.resolve();
    socket.close();
    expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await expect(socket.request(message(), SUBJECT)).rejects.toMatchObject({ code: 'ECANCELED' });
    expect(fake.closed).toBe(true);
  });
});

describe('RouteSocket.dump', () => {
  it('collects until the end and repeats what was interrupted', async () => {
    let times = 0;
    const fake = new FakeSocket(() => ({
      replies: [{ type: 16, payload: Uint8Array.of(++times) }],
      interrupted: times < 3,
    }));
    const socket = new RouteSocket(fake.opened);
    expect(await socket.dump(message(RTM_GETLINK), { operation: 'list', object: 'links' })).toEqual([
      Uint8Array.of(3),
    ]);
  });

  it('does one at a time, as the kernel does', async () => {
    const fake = new FakeSocket();
    const socket = new RouteSocket(fake.opened);
    const both = [1, 2].map(() => socket.dump(message(RTM_GETLINK), SUBJECT));
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    expect(fake.sends).toEqual([1]);
    await Promise.all(both);
    expect(fake.sends).toEqual([1, 1]);
  });

  it('goes on after an error', async () => {
    let calls = 0;
    const socket = new RouteSocket(new FakeSocket(() => (calls++ === 0 ? { errno: 16 } : {})).opened);
    await expect(socket.dump(message(RTM_GETLINK), SUBJECT)).rejects.toMatchObject({ code: 'EBUSY' });
    expect(await socket.dump(message(RTM_GETLINK), SUBJECT)).toEqual([]);
  });
});

describe('RouteSocket.sendBatch', () => {
  it('sends much at once and asks an answer of the last only', async () => {
    const fake = new FakeSocket();
    expect(await new RouteSocket(fake.opened).sendBatch(routes(100).bytes())).toEqual([]);
    expect(fake.sends).toEqual([100]);
    const asked = fake.sent.filter(({ flags }) => (flags & NLM_F_ACK) !== 0);
    expect(asked.map(tableOf)).toEqual([99]);
  });

  it('bounds what one send has, and numbers the refusals through', async () => {
    const fake = new FakeSocket((sent) =>
      tableOf(sent) % 1000 === 999 ? { errno: 113, text: 'no way' } : {},
    );
    const errors = await new RouteSocket(fake.opened).sendBatch(routes(10_000).bytes());
    expect(fake.sent).toHaveLength(10_000);
    expect(Math.max(...fake.sends) * 36).toBeLessThanOrEqual(128 * 1024);
    expect(fake.sends.length).toBeGreaterThan(1);
    expect(errors.map(({ index }) => index)).toEqual(Array.from({ length: 10 }, (_, i) => i * 1000 + 999));
    expect(errors[0]).toEqual({
      index: 999,
      errno: 113,
      text: 'no way',
      reason: 'EHOSTUNREACH (host is unreachable): no way',
    });
  });

  it('sends again in smaller pieces when answers were lost, and misses no refusal', async () => {
    const fake = new FakeSocket((sent) => (tableOf(sent) % 10 === 3 ? { errno: 22 } : {}));
    fake.room = 5;
    const errors = await new RouteSocket(fake.opened).sendBatch(routes(200).bytes());
    expect(errors.map(({ index }) => index)).toEqual(Array.from({ length: 20 }, (_, i) => i * 10 + 3));
  });

  it('reports a message whose answer is lost each time', async () => {
    const fake = new FakeSocket();
    fake.room = 0;
    expect(await new RouteSocket(fake.opened).sendBatch(routes(2).bytes())).toMatchObject([
      { index: 0, errno: 105 },
      { index: 1, errno: 105 },
    ]);
  });

  it('does one batch after the other', async () => {
    const fake = new FakeSocket();
    const socket = new RouteSocket(fake.opened);
    await Promise.all([socket.sendBatch(routes(3).bytes()), socket.sendBatch(routes(2).bytes())]);
    expect(fake.sends).toEqual([3, 2]);
  });

  it('sends nothing when there is nothing', async () => {
    const fake = new FakeSocket();
    expect(await new RouteSocket(fake.opened).sendBatch(new Uint8Array())).toEqual([]);
    expect(fake.sends).toEqual([]);
  });

  it('refuses bytes that are no messages', async () => {
    const socket = new RouteSocket(new FakeSocket().opened);
    await expect(socket.sendBatch(new Uint8Array(20))).rejects.toThrow('no netlink message at offset 0');
    expect(await socket.sendBatch(routes(1).bytes())).toEqual([]);
  });
});

describe('listenTo', () => {
  it('tells of each message of the kernel, and of losses', () => {
    const fake = new FakeSocket();
    const heard: unknown[] = [];
    const subscription = listenTo(fake, {
      changed: (type, payload) => heard.push([type, payload.length]),
      lost: () => heard.push('lost'),
    });
    const two = Buffer.concat([datagram(16, 0, 0, new Uint8Array(4)), datagram(20, 0, 0, new Uint8Array(8))]);
    fake.deliver(two);
    fake.deliver(datagram(17, 0, 0, new Uint8Array()), 99);
    fake.fail('ENOBUFS');
    expect(heard).toEqual([[16, 4], [20, 8], 'lost']);
    subscription.close();
    expect(fake.closed).toBe(true);
  });
});
