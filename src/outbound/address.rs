//! Addresses that no URL of a caller's may lead to.

use super::Reach;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Networks that are not the public internet (IANA's special-purpose registries), by address and
/// prefix length.
const DENIED_V4: &[(Ipv4Addr, u32)] = &[
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // Cloud providers' metadata among them.
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 31, 196, 0), 24),
    (Ipv4Addr::new(192, 52, 193, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(192, 175, 48, 0), 24),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    // Broadcast among them.
    (Ipv4Addr::new(240, 0, 0, 0), 4),
    // Azure's platform address, reachable from every machine there.
    (Ipv4Addr::new(168, 63, 129, 16), 32),
];

/// The public part of IPv6 is `2000::/3`; of that, these are not.
const DENIED_V6: &[(Ipv6Addr, u32)] = &[
    // Teredo, ORCHID, documentation, benchmarks: protocol assignments.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    // 6to4: an IPv4 address inside.
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Whether `address` may be connected to.
pub fn allowed(address: IpAddr, reach: Reach) -> bool {
    // `::ffff:10.0.0.1` is 10.0.0.1.
    match address.to_canonical() {
        address if address.is_loopback() => reach == Reach::AndLoopback,
        IpAddr::V4(address) => !DENIED_V4.iter().any(|(network, bits)| {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            (address.to_bits() ^ network.to_bits()) & mask == 0
        }),
        IpAddr::V6(address) => {
            let within = |network: Ipv6Addr, bits: u32| {
                let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
                (address.to_bits() ^ network.to_bits()) & mask == 0
            };
            let public = within(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
            public && !DENIED_V6.iter().any(|(network, bits)| within(*network, *bits))
        }
    }
}
