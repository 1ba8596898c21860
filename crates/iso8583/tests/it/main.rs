//! Tests of the public API. Card numbers are made up.

#![cfg(test)]

mod builder;
mod composite;
mod custom_packagers;
mod damage;
mod framing;
mod iso87;
mod mac;
mod moov;
mod properties;
mod pyiso8583;
mod secrets;
mod seeds;
mod support;
mod tlv;
mod tpdu;
mod unionpay;
