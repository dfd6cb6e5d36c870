//! Finds the block in which Go's linker stores its version and the module information.

use object::ReadRef;

use crate::worker::executable::goinfo::GoBuildInfo;
use crate::worker::executable::goinfo::NoGoInfo;
use crate::worker::executable::window::LONGEST_READ;

/// The first bytes of the block.
pub(super) const MAGIC: &[u8; 14] = b"\xff Go buildinf:";

/// The alignment of the block in the address space.
const ALIGNMENT: u64 = 16;

/// The fixed part: the magic, the pointer size, the flags, two pointers.
pub(super) const HEADER: u64 = 32;

/// Set if version and module information follow the header inline, as written by every linker since Go 1.18.
pub(super) const INLINE: u8 = 2;

/// How much of a region is searched. The linker puts the block first; a C linker may put its own data before it.
const SEARCHED: u64 = 256 << 10;

/// A part of the file and its address at run time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Region {
    /// Its offset in the file.
    pub(super) offset: u64,
    /// Its length in bytes.
    pub(super) size: u64,
    /// Its address, for the alignment.
    pub(super) address: u64,
}

/// Reads the build information from the region where it is expected.
pub(super) fn read_go_info<'a>(file: impl ReadRef<'a>, region: Option<Region>) -> Result<GoBuildInfo, NoGoInfo> {
    let cut = |()| NoGoInfo::Malformed("it is truncated");
    let region = region.ok_or(NoGoInfo::Absent)?;
    let searched = file.read_bytes_at(region.offset, region.size.min(SEARCHED)).map_err(|()| NoGoInfo::Absent)?;
    let within = find_block(searched, region.address).ok_or(NoGoInfo::Absent)?;
    let block = region.offset.checked_add(within).ok_or(NoGoInfo::Absent)?;
    let header = file.read_bytes_at(block, HEADER).map_err(cut)?;
    if header[15] & INLINE == 0 {
        return Err(NoGoInfo::OlderThanGo118);
    }
    let mut offset = block + HEADER;
    let version = read_text(file, &mut offset)?;
    let module = read_text(file, &mut offset)?;
    GoBuildInfo::parse(version, module)
}

fn find_block(searched: &[u8], address: u64) -> Option<u64> {
    let first = usize::try_from(address.wrapping_neg() % ALIGNMENT).ok()?;
    let aligned = searched.get(first..)?.chunks(ALIGNMENT as usize);
    let nth = aligned.into_iter().position(|chunk| chunk.starts_with(MAGIC))?;
    u64::try_from(first).ok()?.checked_add(u64::try_from(nth).ok()? * ALIGNMENT)
}

/// Reads a length-prefixed string, and advances the offset.
fn read_text<'a>(file: impl ReadRef<'a>, offset: &mut u64) -> Result<&'a [u8], NoGoInfo> {
    let cut = |()| NoGoInfo::Malformed("it is truncated");
    let mut length = 0_u64;
    for shift in (0..28).step_by(7) {
        let byte = file.read_bytes(offset, 1).map_err(cut)?[0];
        length |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            // A string that is too long is refused before it is read.
            let text = if length <= LONGEST_READ { file.read_bytes(offset, length) } else { Err(()) };
            return text.map_err(|()| NoGoInfo::Malformed("a string in it is too long"));
        }
    }
    Err(NoGoInfo::Malformed("a length in it is too large"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::worker::executable::samples::go_block;

    fn read(bytes: &[u8], address: u64) -> Result<GoBuildInfo, NoGoInfo> {
        read_go_info(bytes, Some(Region { offset: 0, size: bytes.len() as u64, address }))
    }

    #[test]
    fn the_block_is_found_where_it_is_aligned_in_memory() {
        let mut bytes = vec![0; 24];
        bytes.extend(go_block("go1.24.1", "path\treproq-worker/cmd/reproq\n"));
        assert_eq!(read(&bytes, 0x1008).map(|info| info.go_version), Ok("go1.24.1".to_owned()));
        assert_eq!(read(&bytes, 0x1000), Err(NoGoInfo::Absent), "the same bytes, eight bytes off");
    }

    #[test]
    fn a_block_of_an_old_linker_is_recognized() {
        let mut bytes = go_block("go1.17", "");
        bytes[15] = 0;
        assert_eq!(read(&bytes, 0), Err(NoGoInfo::OlderThanGo118));
    }

    #[test]
    fn every_truncation_is_detected() {
        let whole = go_block("go1.24.1", "path\treproq-worker/cmd/reproq\n");
        assert!(read(&whole, 0).is_ok());
        for length in 0..whole.len() {
            assert!(read(&whole[..length], 0).is_err(), "{length} of {} bytes", whole.len());
        }
    }

    #[test]
    fn impossible_lengths_are_refused_before_reading() {
        for length in [&b"\xff\xff\xff\x7f"[..], b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"\xff\xff\x7f"] {
            let mut bytes = go_block("", "");
            bytes.truncate(HEADER as usize);
            bytes.extend(length);
            bytes.resize(bytes.len() + (LONGEST_READ as usize) + 99, b'x');
            assert!(matches!(read(&bytes, 0), Err(NoGoInfo::Malformed(_))), "{length:?}");
        }
    }

    proptest! {
        #[test]
        fn no_block_makes_the_reader_panic(tail in proptest::collection::vec(any::<u8>(), 0..200), flags: u8) {
            let mut bytes = go_block("", "");
            bytes.truncate(HEADER as usize);
            bytes[15] = flags;
            bytes.extend(tail);
            let _ = read(&bytes, 0);
        }
    }
}
