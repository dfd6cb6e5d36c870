//! The properties of the current platform that matter to a program.

use std::path::Path;

use crate::model::Target;
use crate::worker::executable::inspection::Inspection;
use crate::worker::executable::libc::Libc;
use crate::worker::executable::libc::detect_libc;
use crate::worker::executable::libc::existing_loader;

/// The platform an executable should run on, as far as its dynamic loader is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoaderHost {
    pub target: Target,
    /// Its C libraries.
    pub libc: Libc,
    /// The loaders required by the inspected program that exist, as the program names them.
    pub loaders: Vec<String>,
}

impl LoaderHost {
    /// Reads what matters to the inspected program below `root`, which is `/` except in tests.
    pub fn read(root: &Path, target: Target, inspection: &Inspection) -> Self {
        let slices = inspection.program().map(|program| program.slices.as_slice()).unwrap_or_default();
        let loaders = slices.iter().filter_map(|slice| slice.linkage.loader.clone());
        let loaders = loaders.filter(|loader| existing_loader(root, loader)).collect();
        Self { target, libc: detect_libc(root, target), loaders }
    }
}
