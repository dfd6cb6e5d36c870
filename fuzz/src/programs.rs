//! Executables: any file is described or called damaged, and a program is accepted only for the machine it is for.

use std::io::Cursor;

use reproq::internals::model::Target;
use reproq::internals::model::Tool;
use reproq::internals::worker::executable::ExecutableIdentity;
use reproq::internals::worker::executable::ExecutableKind;
use reproq::internals::worker::executable::Glibc;
use reproq::internals::worker::executable::GlibcVersion;
use reproq::internals::worker::executable::GoBuildInfo;
use reproq::internals::worker::executable::Inspection;
use reproq::internals::worker::executable::Libc;
use reproq::internals::worker::executable::LoaderHost;
use reproq::internals::worker::executable::PreflightError;
use reproq::internals::worker::executable::is_worker;
use reproq::internals::worker::executable::preflight;
use reproq::internals::worker::executable::read_inspection;

use super::texts::assert_harmless;

/// A file of any kind.
pub fn program(bytes: &[u8]) {
    judge(&inspected(bytes));
}

/// What follows the fixed part of the block Go's linker leaves, inside the smallest program that has one.
pub fn go_info(bytes: &[u8]) {
    let inspection = inspected(&elf_around(bytes));
    assert!(inspection.program().is_some(), "the program itself is good");
    judge(&inspection);
}

fn inspected(bytes: &[u8]) -> Inspection {
    let inspection = read_inspection(Cursor::new(bytes)).expect("memory can be read");
    assert_eq!(inspection.size, bytes.len() as u64);
    inspection
}

fn judge(inspection: &Inspection) {
    for slice in inspection.program().map(|program| &program.slices[..]).unwrap_or_default() {
        assert_harmless(&slice.machine.to_string());
        slice.linkage.loader.iter().chain(&slice.linkage.libraries).for_each(|text| assert_harmless(text));
        slice.go.iter().for_each(assert_readable);
    }
    let identity = is_worker(inspection, &Tool::WORKER);
    if let ExecutableIdentity::NotWorker { reason } | ExecutableIdentity::Unknown { reason } = &identity {
        assert_harmless(reason);
    }
    for wanted in Target::all() {
        for host in hosts(wanted) {
            judge_for(inspection, wanted, host.as_ref(), &identity);
        }
    }
}

fn judge_for(inspection: &Inspection, wanted: Target, host: Option<&LoaderHost>, identity: &ExecutableIdentity) {
    match preflight(inspection, wanted, &Tool::WORKER, host) {
        Ok(notes) => {
            let slice = inspection.slice_for(wanted).expect("accepted for this target");
            assert_eq!(slice.kind, ExecutableKind::Executable);
            notes.iter().for_each(|note| assert_harmless(&note.to_string()));
        }
        Err(error) => {
            assert_harmless(&error.to_string());
            let is_single = inspection.program().is_some_and(|program| program.slices.len() == 1);
            let is_another = matches!(error, PreflightError::AnotherProgram { .. });
            assert!(
                !(is_single && is_another && matches!(identity, ExecutableIdentity::Worker { .. })),
                "the worker is another program"
            );
        }
    }
}

fn assert_readable(go: &GoBuildInfo) {
    let settings = &go.settings;
    let texts = [&go.package_path, &go.module_path, &go.module_version, &settings.goos, &settings.goarch];
    texts
        .into_iter()
        .chain([&settings.vcs_revision, &settings.vcs_time])
        .flatten()
        .for_each(|text| assert_harmless(text));
    settings.tags.iter().chain([&go.go_version]).for_each(|text| assert_harmless(text));
}

/// No machine, one without a C library, and one with an old glibc.
fn hosts(target: Target) -> [Option<LoaderHost>; 3] {
    let loader = "/lib64/ld-linux-x86-64.so.2";
    let old = Glibc { version: Some(GlibcVersion { major: 2, minor: 17 }), loader };
    [
        None,
        Some(LoaderHost { target, libc: Libc::Neither, loaders: Vec::new() }),
        Some(LoaderHost { target, libc: Libc::Glibc(old), loaders: vec![loader.to_owned()] }),
    ]
}

/// An ELF program of a header, one writable segment, and in it the block with these bytes.
fn elf_around(bytes: &[u8]) -> Vec<u8> {
    let segment = [b"\xff Go buildinf:\x08\x02".as_slice(), &[0; 16], bytes].concat();
    let size = segment.len() as u64;
    let mut elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    // An executable for amd64 of version 1, its entry point, and one program header right behind this header.
    elf.extend([2_u16, 62].map(u16::to_le_bytes).concat());
    elf.extend(1_u32.to_le_bytes());
    elf.extend([0x40_0080_u64, 64, 0].map(u64::to_le_bytes).concat());
    elf.extend(0_u32.to_le_bytes());
    elf.extend([64_u16, 56, 1, 64, 0, 0].map(u16::to_le_bytes).concat());
    // To be loaded, readable and writable: offset, address twice, size twice, alignment.
    elf.extend([1_u32, 6].map(u32::to_le_bytes).concat());
    elf.extend([128, 0x40_0080, 0x40_0080, size, size, 16].map(u64::to_le_bytes).concat());
    elf.resize(128, 0);
    elf.extend(segment);
    elf
}
