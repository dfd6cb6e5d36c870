//! Reads a gzip-compressed tar archive to the last byte of its one gzip stream.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;

use flate2::bufread::GzDecoder;

use super::error::ArchiveError;
use super::limits::Budget;
use super::limits::Census;
use super::limits::EntryName;
use super::limits::Role;
use super::output::Output;
use super::stream::Stream;
use super::stream::Watched;
use super::stream::of_decoder;
use super::tar_stream::only_zeros_follow;
use super::tar_stream::walk;

/// How much of the file is read at once.
const INPUT: usize = 256 * 1024;

/// What the file should be.
const FORM: &str = "gzip-compressed tar";

/// Takes the member out and gives its name.
pub(super) fn unpack<R: Read>(
    file: Watched<'_, R>,
    mut census: Census<'_>,
    budget: &mut Budget,
    output: &mut Output<'_>,
) -> Result<String, ArchiveError> {
    let mut input = BufReader::with_capacity(INPUT, file);
    if !input.fill_buf().map_err(ArchiveError::Read)?.starts_with(&[0x1f, 0x8b]) {
        return Err(ArchiveError::NotAnArchive(FORM));
    }
    // Not MultiGzDecoder: releases are written as one stream, and whether a second one counts differs between readers.
    let mut stream = Stream { inner: GzDecoder::new(input), budget };
    let walked = walk(&mut stream, &mut census, FORM, &mut |file, stream| match file.role {
        Role::Beside => Ok(()),
        Role::Member if file.size == 0 => Err(ArchiveError::EmptyMember(EntryName::escaped(&file.name))),
        Role::Member => output.take(stream, file.size).map(|()| file.left = 0),
    });
    let walked = walked.and_then(|()| only_zeros_follow(&mut stream));
    if matches!(walked, Ok(()) | Err(ArchiveError::Truncated | ArchiveError::NoEndMark)) {
        // Of an archive that seems cut, what follows the stream tells more than what is missing from it.
        nothing_follows(stream.inner.get_mut())?;
    }
    walked?;
    census.member()
}

fn nothing_follows(input: &mut impl BufRead) -> Result<(), ArchiveError> {
    match input.fill_buf().map_err(of_decoder)? {
        [] => Ok(()),
        [0x1f, 0x8b, ..] => Err(ArchiveError::SecondStream),
        _ => Err(ArchiveError::TrailingBytes),
    }
}

#[cfg(test)]
mod tests {
    use super::super::ArchiveForm;
    use super::super::samples;
    use super::super::tests::assert_refused;

    #[test]
    fn every_hostile_archive_is_refused_by_name() {
        let table = [
            ("nothing at all", "NotAnArchive: the file is not a gzip-compressed tar archive"),
            ("not gzip", "NotAnArchive: the file is not a gzip-compressed tar archive"),
            ("gzip of something else", "NotAnArchive: the file is not a gzip-compressed tar archive"),
            ("gzip of nothing", "NoEndMark: the tar archive has no end mark; it may be cut short"),
            ("an archive of nothing", "NoMember: none of its files is `reproq` or `reproq-linux-amd64`, at the top"),
            ("traversal", "LeavesArchive: entry `../evil` leaves the archive"),
            ("traversal in the middle", "LeavesArchive: entry `a/../../evil` leaves the archive"),
            ("traversal that comes back", "LeavesArchive: entry `a/../b` leaves the archive"),
            ("traversal with backslashes", "LeavesArchive: entry `..\\\\evil` leaves the archive"),
            ("traversal for Windows", "LeavesArchive: entry `.. /evil` leaves the archive"),
            ("traversal of the executable", "LeavesArchive: entry `../reproq` leaves the archive"),
            ("traversal of a folder", "LeavesArchive: entry `../` leaves the archive"),
            ("absolute", "AbsolutePath: entry `/etc/evil` has an absolute path"),
            ("absolute with a drive", "AbsolutePath: entry `C:\\\\evil` has an absolute path"),
            ("absolute on a server", "AbsolutePath: entry `\\\\\\\\server\\\\evil` has an absolute path"),
            ("a backslash", "Backslash: entry `a\\\\evil` has a backslash in its name"),
            ("an escape code", "ControlCharacter: entry `\\x1b[31mred` has a control character in its name"),
            ("a NUL in a long name", "ControlCharacter: entry `good\\x00evil` has a control character in its name"),
            ("a NUL in a short name", "ControlCharacter: entry `good\\x00evil` has a control character in its name"),
            ("a name that is not UTF-8", "NotUtf8: entry `ev\\xffil` has a name that is not UTF-8"),
            ("a name with combining marks", "NotAscii: entry `e\\u{301}vil` has a name that is not plain ASCII;"),
            ("an empty name", "UnplainName: entry `` has a name that is not a plain path"),
            ("empty parts in a name", "UnplainName: entry `a//evil` has a name that is not a plain path"),
            ("a very long name", "NameTooLong: entry"),
            ("a symbolic link", "SymbolicLink: entry `evil` is a symbolic link"),
            ("the executable as a symbolic link", "SymbolicLink: entry `reproq` is a symbolic link"),
            ("a link and a write through it", "SymbolicLink: entry `x` is a symbolic link"),
            ("a hard link", "HardLink: entry `evil` is a hard link"),
            ("a hard link with a long target", "HardLink: entry `evil` is a hard link"),
            ("a character device", "Device: entry `evil` is a device"),
            ("a block device", "Device: entry `evil` is a device"),
            ("a named pipe", "Fifo: entry `evil` is a named pipe"),
            ("a sparse file", "Sparse: entry `evil` is a sparse file"),
            ("a sparse file of PAX form", "Sparse: entry `GNUSparseFile.0/evil` is a sparse file"),
            ("a contiguous file", "UnknownKind: entry `evil` is of an unknown kind (7)"),
            ("an unknown kind", "UnknownKind: entry `evil` is of an unknown kind (\\x1b)"),
            ("a volume label", "UnknownKind: entry `evil` is of an unknown kind (V)"),
            ("the executable twice", "Duplicate: entry `reproq` is there more than once"),
            ("two executables", "TwoMembers: both `reproq` and `x/reproq` could be the executable"),
            ("another file twice", "Duplicate: entry `README` is there more than once"),
            ("names that differ in case", "CaseCollision: entry `REPROQ` differs from `reproq` only in upper and"),
            ("folders that differ in case", "CaseCollision: entry `X` differs from `x` only in upper and lower case"),
            ("a file that is a folder", "FileAsFolder: entry `x` is both a file and a folder"),
            ("a file with a folder's name", "KindConflict: entry `evil/` contradicts itself: its name and its"),
            ("a folder with contents", "BadHeader: entry `evil/` has a header that cannot be trusted: a folder with"),
            ("set-uid", "SpecialBits: entry `reproq` has set-uid, set-gid or sticky bits (mode 4755)"),
            ("set-gid", "SpecialBits: entry `reproq` has set-uid, set-gid or sticky bits (mode 2755)"),
            ("sticky", "SpecialBits: entry `reproq` has set-uid, set-gid or sticky bits (mode 1755)"),
            ("no executable", "NoMember: none of its files is `reproq` or `reproq-linux-amd64`, at the top or in"),
            ("the executable two folders down", "NoMember: none of its files is `reproq` or `reproq-linux-amd64`,"),
            ("the executable in capitals", "NoMember: none of its files is `reproq` or `reproq-linux-amd64`, at the"),
            ("the executable as a folder", "NoMember: none of its files is `reproq` or `reproq-linux-amd64`, at the"),
            ("an empty executable", "EmptyMember: entry `reproq` is empty"),
            ("a long name that is hostile", "LeavesArchive: entry `../evil` leaves the archive"),
            ("a PAX path that is hostile", "LeavesArchive: entry `../evil` leaves the archive"),
            ("a PAX path that makes a second executable", "TwoMembers: both `reproq` and `x/reproq` could be the"),
            ("two names for one entry", "BadHeader: entry `reproq` has a header that cannot be trusted: two names"),
            ("two PAX headers for one entry", "BadHeader: entry `PaxHeaders/x` has a header that cannot be trusted:"),
            ("a PAX size that differs", "SizeConflict: entry `reproq` has two different sizes"),
            ("a PAX size that is no number", "SizeConflict: entry `reproq` has two different sizes"),
            ("two PAX sizes", "BadHeader: entry `PaxHeaders/x` has a header that cannot be trusted: two sizes for"),
            ("a broken PAX header", "BadHeader: entry `pax` has a header that cannot be trusted: its extension is"),
            ("a global PAX header with a path", "BadHeader: entry `PaxHeaders/x` has a header that cannot be"),
            ("an extension of nothing", "TrailingBytes: the archive is followed by bytes that do not belong to it"),
            ("an extension without end", "BadHeader: entry `pax` has a header that cannot be trusted: its extension"),
            ("a wrong header checksum", "BadHeader: entry `nther` has a header that cannot be trusted: its checksum"),
            ("a header of unknown form", "BadHeader: entry `reproq` has a header that cannot be trusted: it is"),
            ("a size that is no number", "BadHeader: entry `reproq` has a header that cannot be trusted: the size"),
            ("a size beyond everything", "TooCompressed: the archive unpacks to more than 200 times its size"),
            ("a size beyond the archive", "Truncated: the archive is cut short"),
            ("too many entries", "TooManyEntries: the archive has more than 10000 entries"),
            ("too many names", "IndexTooLarge: the archive's list of entries takes more than 2097152 bytes"),
            ("a bomb beside it", "TooCompressed: the archive unpacks to more than 200 times its size"),
            ("a bomb as the executable", "TooCompressed: the archive unpacks to more than 200 times its size"),
            ("a bomb behind the end", "TooCompressed: the archive unpacks to more than 200 times its size"),
            ("a wrong checksum", "Damaged: the archive is damaged: corrupt gzip stream does not have a matching"),
            ("a wrong length", "Damaged: the archive is damaged: corrupt gzip stream does not have a matching"),
            ("a flipped bit", "Damaged: the archive is damaged: corrupt gzip stream does not have a matching"),
            ("cut in the middle", "Truncated: the archive is cut short"),
            ("cut by one byte", "Truncated: the archive is cut short"),
            ("cut before it was compressed", "NoEndMark: the tar archive has no end mark; it may be cut short"),
            ("one end block", "NoEndMark: the tar archive has no end mark; it may be cut short"),
            ("cut inside a block", "Truncated: the archive is cut short"),
            ("bytes behind the stream", "TrailingBytes: the archive is followed by bytes that do not belong to it"),
            ("zeros behind the stream", "TrailingBytes: the archive is followed by bytes that do not belong to it"),
            ("two streams", "SecondStream: a second gzip stream follows the archive"),
            ("an archive in two streams", "SecondStream: a second gzip stream follows the archive"),
            ("an entry behind the end", "TrailingBytes: the archive is followed by bytes that do not belong to it"),
            ("an entry behind one end block", "TrailingBytes: the archive is followed by bytes that do not belong"),
        ];
        assert_refused(ArchiveForm::TarGz, samples::HOSTILE_TAR_GZ, &table);
    }
}
