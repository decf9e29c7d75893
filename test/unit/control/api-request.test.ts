import { describe, expect, it } from 'vitest';
import { IPV6_UNICAST, L2VPN_EVPN } from '../../../bgp/wire/family.ts';
import { formatPrefix } from '../../../net/prefix.ts';
import { type ParsedRequest, parseApiRequest } from '../../../src/control/api-request.ts';
import type { RouteFilter } from '../../../src/control/view.ts';

const parse = (target: string, method = 'GET'): ParsedRequest =>
  parseApiRequest(method, target, {
    vrfs: () => ['default', 'red'],
    peers: () => ['192.168.11.2', 'red/192.169.10.2'],
  });

function filterOf(target: string): RouteFilter {
  const parsed = parse(target);
  if (!parsed.ok || parsed.request.resource !== 'routes') throw new Error(`not routes: ${target}`);
  return parsed.request.filter;
}

describe('requests that are understood', () => {
  it.each(['status', 'sessions', 'vnis', 'configuration'])('%s', (resource) => {
    expect(parse(`/v1/${resource}`)).toEqual({ ok: true, request: { resource } });
  });

  it('routes without restriction', () => {
    expect(filterOf('/v1/routes')).toEqual({});
  });

  it('routes of a VRF and family, by the names of either form', () => {
    expect(filterOf('/v1/routes?vrf=red&family=ipv6-unicast')).toEqual({ vrf: 'red', family: IPV6_UNICAST });
    expect(filterOf('/v1/routes?family=evpn')).toEqual({ family: L2VPN_EVPN });
  });

  it('a prefix is that route, host bits cleared', () => {
    const { prefix, longestMatch } = filterOf('/v1/routes?prefix=192.0.2.77%2F24');
    expect(prefix && formatPrefix(prefix)).toBe('192.0.2.0/24');
    expect(longestMatch).toBe(false);
  });

  it('an address is the most specific route to it', () => {
    const { prefix, longestMatch } = filterOf('/v1/routes?prefix=2001:db8::1');
    expect(prefix && formatPrefix(prefix)).toBe('2001:db8::1/128');
    expect(longestMatch).toBe(true);
  });
});

describe('requests that are refused', () => {
  it.each([
    ['/v1/routes?vrf=blue', 'vrf', 'blue', 'default, red'],
    ['/v1/routes?family=ipv5', 'family', 'ipv5', 'ipv4-unicast'],
    ['/v1/routes?prefix=300.1.1.1/8', 'prefix', '300.1.1.1/8', 'an address'],
    ['/v1/routes?prefix=10.0.0.0/33', 'prefix', '10.0.0.0/33', 'a prefix such as'],
    ['/v1/routes?prefix=', 'prefix', '', 'a prefix such as'],
  ])('%s', (target, parameter, found, allowed) => {
    const parsed = parse(target);
    expect(parsed).toMatchObject({
      ok: false,
      error: { status: 400, reason: 'InvalidParameter', parameter, found },
    });
    expect(parsed.ok ? '' : parsed.error.allowed).toContain(allowed);
  });

  it('unknown and repeated parameters', () => {
    expect(parse('/v1/routes?vfr=red')).toMatchObject({
      error: { status: 400, parameter: 'vfr', allowed: 'vrf, family, prefix' },
    });
    expect(parse('/v1/status?x=1')).toMatchObject({ error: { status: 400, allowed: 'no parameters' } });
    expect(parse('/v1/routes?vrf=red&vrf=red')).toMatchObject({
      error: { status: 400, message: 'vrf is given twice' },
    });
  });

  it('unknown paths, whatever they contain', () => {
    for (const target of ['/', '', '/v2/status', '/v1/status/', '//', '*', '/v1/%ff', 'http://x/v1/status']) {
      expect(parse(target)).toMatchObject({ ok: false, error: { status: 404, reason: 'NotFound' } });
    }
  });

  it('a session is cleared by POST, by its name', () => {
    expect(parse('/v1/clear?peer=red%2F192.169.10.2', 'GET')).toMatchObject({ error: { status: 405 } });
    expect(parse('/v1/clear?peer=red%2F192.169.10.2', 'POST')).toEqual({
      ok: true,
      request: { resource: 'clear', peer: 'red/192.169.10.2' },
    });
    for (const query of ['', '?peer=192.0.2.9', '?seconds=3']) {
      expect(parse(`/v1/clear${query}`, 'POST')).toMatchObject({ error: { reason: 'InvalidParameter' } });
    }
    expect(parse('/v1/clear?peer=x', 'POST')).toMatchObject({
      error: { message: 'there is no session "x"', allowed: '192.168.11.2, red/192.169.10.2' },
    });
  });

  it('methods that change something', () => {
    expect(parse('/v1/status', 'DELETE')).toMatchObject({ error: { status: 405, allowed: 'GET' } });
    expect(parse('/v1/drain', 'GET')).toMatchObject({ error: { status: 405, allowed: 'POST' } });
    expect(parse('/v1/drain', 'POST')).toEqual({ ok: true, request: { resource: 'drain', seconds: 30 } });
    expect(parse('/v1/drain?seconds=0', 'POST')).toMatchObject({ request: { seconds: 0 } });
    for (const seconds of ['3601', '-1', '1.5', 'soon', '']) {
      expect(parse(`/v1/drain?seconds=${seconds}`, 'POST')).toMatchObject({
        error: { status: 400, parameter: 'seconds', allowed: '0 to 3600' },
      });
    }
  });

  it('long values are cut in the answer', () => {
    const parsed = parse(`/v1/routes?vrf=${'x'.repeat(5000)}`);
    expect(JSON.stringify(parsed).length).toBeLessThan(600);
  });
});
