//! The token that asks for the next page of a list.
//!
//! A token holds the position of the last item of a page and a checksum over it and the tenant, so that a token of another tenant, or one that
//! somebody made up, is told from one that a page gave. It is no secret: all that a forged one could do is to begin in the middle of the
//! forger's own list.

use sandmill_core::ids::{Digest, TenantId, WorkflowExecId};
use sandmill_core::time::Timestamp;
use sandmill_engine::ports::StoreError;

use crate::keys::Position;

/// Bytes of the checksum: enough that a typing error or a guess does not pass.
const CHECKSUM_BYTES: usize = 8;

/// Bytes of a token: time, id, checksum.
const TOKEN_BYTES: usize = 8 + 16 + CHECKSUM_BYTES;

/// The token for what comes after a position.
pub(crate) fn token(tenant: &TenantId, position: Position) -> String {
    let mut bytes = place(position).to_vec();
    bytes.extend_from_slice(&checksum(tenant, &bytes));
    hex::encode(bytes)
}

/// The position that a token names, where a list of that tenant gave it.
pub(crate) fn read(tenant: &TenantId, token: &str) -> Result<Position, StoreError> {
    let mut bytes = [0; TOKEN_BYTES];
    let decoded = hex::decode_to_slice(token, &mut bytes).ok();
    let position = decoded.and_then(|()| {
        let (place, found) = bytes.split_at(TOKEN_BYTES - CHECKSUM_BYTES);
        (found == checksum(tenant, place)).then_some(())?;
        let (time, id) = place.split_first_chunk()?;
        let started_at = Timestamp(i64::from_be_bytes(*time));
        Some(Position { started_at, id: WorkflowExecId::from_bytes(*id.first_chunk()?) })
    });
    position.ok_or_else(|| StoreError::Invalid {
        reason: format!("`{token}` is no page token that a list of this tenant gave; take `next` of a page as it is"),
    })
}

fn place(position: Position) -> [u8; 24] {
    let mut bytes = [0; 24];
    let (time, id) = bytes.split_at_mut(8);
    time.copy_from_slice(&position.started_at.0.to_be_bytes());
    id.copy_from_slice(&position.id.to_bytes());
    bytes
}

fn checksum(tenant: &TenantId, place: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let digest = Digest::of(&[b"page\0", tenant.as_str().as_bytes(), b"\0", place].concat());
    *digest.as_bytes().first_chunk().expect("a digest is longer than its checksum")
}
