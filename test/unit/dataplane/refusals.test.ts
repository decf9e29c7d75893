import { describe, expect, it } from 'vitest';
import { InetSocketError } from '../../../dataplane/inet-socket.ts';
import {
  createNamespace,
  deleteNamespace,
  inNamespace,
  NamespaceError,
  namespaceExists,
  openNamespace,
} from '../../../dataplane/network-namespace.ts';
import { check, describeErrno, errnoName, SystemCallError } from '../../../dataplane/system-calls.ts';
import { openTcpSocket, setTcpMd5Key } from '../../../dataplane/tcp-socket.ts';
import { address } from './states.ts';

const ABSENT = 'openpe-test-absent';

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('a network namespace', () => {
  it.each(['', '.', '..', '../../etc', 'a/b', 'a\0b', 'x'.repeat(256)])('is not named %j', (name) => {
    for (const work of [inNamespace, createNamespace, deleteNamespace, namespaceExists, openNamespace]) {
      expect(thrownBy(() => work(name, () => undefined))).toMatchObject({
        name: 'NamespaceError',
        problem: 'invalid name',
      });
    }
  });

  it('that is not there is said to be so, and nothing runs in it', () => {
    let ran = false;
    const error = thrownBy(() => inNamespace(ABSENT, () => (ran = true)));
    expect(error).toBeInstanceOf(NamespaceError);
    expect(error).toMatchObject({ problem: 'absent', namespace: ABSENT });
    expect(ran).toBe(false);
    expect(namespaceExists(ABSENT)).toBe(false);
    expect(thrownBy(() => deleteNamespace(ABSENT))).toMatchObject({ problem: 'absent' });
  });

  it('without a name is that of the process', () => {
    expect(inNamespace(undefined, () => 'here')).toBe('here');
  });
});

describe('a TCP socket', () => {
  it('is refused a device that is not there or has no possible name', () => {
    expect(thrownBy(() => openTcpSocket({ version: 4, device: 'nope' }))).toMatchObject({
      name: 'InetSocketError',
      step: 'SO_BINDTODEVICE',
    });
    expect(thrownBy(() => openTcpSocket({ version: 4, device: 'a-name-that-is-too-long' }))).toMatchObject({
      code: 'EINVAL',
    });
  });

  it.each([0, 256, -2])('is refused a TTL of %d', (ttl) => {
    expect(thrownBy(() => openTcpSocket({ version: 4, ttl }))).toMatchObject({
      step: 'IP_TTL',
      code: 'EINVAL',
    });
  });

  it('is refused keys that TCP MD5 cannot have', () => {
    const peer = address('192.0.2.1');
    for (const password of ['', 'x'.repeat(81)]) {
      const error = thrownBy(() => openTcpSocket({ version: 4, md5Keys: [{ peer, password }] }));
      expect(error).toBeInstanceOf(InetSocketError);
      expect(error).toMatchObject({ step: 'TCP_MD5SIG', code: 'EINVAL' });
      expect(String(error)).not.toContain('xx');
    }
    expect(thrownBy(() => setTcpMd5Key(-1, peer, 'secret'))).toMatchObject({ code: 'EBADF' });
  });

  it('is refused an address of the other version, or one that is not here', () => {
    expect(thrownBy(() => openTcpSocket({ version: 6, bindAddress: address('127.0.0.1') }))).toMatchObject({
      step: 'bind',
      code: 'EINVAL',
    });
    const error = thrownBy(() => openTcpSocket({ version: 4, bindAddress: address('192.0.2.77') }));
    expect(String(error)).toContain('not on any interface');
  });

  it('is not opened in a namespace that is not there', () => {
    expect(thrownBy(() => openTcpSocket({ version: 4, namespace: ABSENT }))).toMatchObject({
      problem: 'absent',
    });
  });
});

describe('a system call', () => {
  it('that fails is an error with its name', () => {
    const error = thrownBy(() => check('close', 'descriptor -1', (calls) => calls.close(-1)));
    expect(error).toBeInstanceOf(SystemCallError);
    expect(error).toMatchObject({ call: 'close', code: 'EBADF' });
  });

  it('has errno names also for what the runtime does not know', () => {
    expect(errnoName(1)).toBe('EPERM');
    expect(errnoName(95)).toBe('EOPNOTSUPP');
    expect(errnoName(1000)).toBe('errno 1000');
    expect(describeErrno(19)).toBe('ENODEV (no such device)');
  });
});
