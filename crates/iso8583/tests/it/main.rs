//! The codec as its users see it. Card numbers are made up.

#![cfg(test)]

mod builder;
mod composite;
mod damage;
mod desk;
mod framing;
mod house_made;
mod iso87;
mod mac;
mod moov;
mod properties;
mod pyiso8583;
mod secrets;
mod seeds;
mod tlv;
mod tpdu;
mod unionpay;
