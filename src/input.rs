//! Reads small inputs: never more than a limit, and without a byte order mark.

use crate::error::size;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Reads all of `reader`, which must not hold more than `limit` bytes, and drops a UTF-8 byte order
/// mark.
pub(crate) fn read(reader: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(limit + 1).read_to_end(&mut bytes)?;

    if bytes.len() as u64 > limit {
        return Err(io::Error::new(
            ErrorKind::FileTooLarge,
            format!("it is larger than {}", size(limit)),
        ));
    }

    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
    Ok(bytes)
}

/// Reads a file like [`read`].
pub(crate) fn read_file(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    read(File::open(path)?, limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_may_hold_as_many_bytes_as_the_limit_and_no_more() {
        assert_eq!(read(&b"1234"[..], 4).unwrap(), b"1234");
        let error = read(&b"12345"[..], 4).unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (ErrorKind::FileTooLarge, "it is larger than 4 bytes")
        );
        let endless = read(io::repeat(b'x'), 64 * 1024).unwrap_err();
        assert_eq!(endless.to_string(), "it is larger than 64 KiB");
    }

    #[test]
    fn a_byte_order_mark_is_dropped_at_the_beginning_only() {
        assert_eq!(
            read("\u{feff}a\u{feff}".as_bytes(), 99).unwrap(),
            "a\u{feff}".as_bytes()
        );
    }
}
