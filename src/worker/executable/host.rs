//! What of this machine matters to a program that is to run on it.

use std::path::Path;

use crate::model::Target;
use crate::worker::executable::inspection::Inspection;
use crate::worker::executable::libc::Libc;
use crate::worker::executable::libc::detect_libc;
use crate::worker::executable::libc::existing_loader;

/// The machine an executable is to run on, as far as its dynamic loader cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoaderHost {
    /// Its target.
    pub target: Target,
    /// Its C libraries.
    pub libc: Libc,
    /// Those loaders of the inspected program that exist on it, as the program names them.
    pub loaders: Vec<String>,
}

impl LoaderHost {
    /// Reads below `root` (which is `/` but in tests) what matters to the inspected program.
    pub fn read(root: &Path, target: Target, inspection: &Inspection) -> Self {
        let slices = inspection.program().map(|program| program.slices.as_slice()).unwrap_or_default();
        let loaders = slices.iter().filter_map(|slice| slice.linkage.loader.clone());
        let loaders = loaders.filter(|loader| existing_loader(root, loader)).collect();
        Self { target, libc: detect_libc(root, target), loaders }
    }
}
