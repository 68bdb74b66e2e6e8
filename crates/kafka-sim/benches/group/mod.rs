//! One group whose members all come at once, over the wire.

mod classic;
mod consumer;
mod wire;

pub(crate) use classic::classic;
pub(crate) use consumer::consumer;
