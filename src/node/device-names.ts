/** Devices of one L3VNI, named as OpenPERouter names them. */
export interface DeviceNames {
  readonly bridge: string;
  readonly vxlan: string;
  /** Router's and host's end of the veth pair. */
  readonly routerVeth: string;
  readonly hostVeth: string;
}

/** The names for a VNI. */
export function deviceNames(vni: number): DeviceNames {
  return {
    bridge: `br-pe-${vni}`,
    vxlan: `vni${vni}`,
    routerVeth: `pe-e-${vni}`,
    hostVeth: `host-e-${vni}`,
  };
}
