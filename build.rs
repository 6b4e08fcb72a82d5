//! Compiles `providers/*.yaml` to `$OUT_DIR/providers.rs`. The work is in `src/codegen`, which is
//! also a module of the library: `ringside check` says what a build says.

// The library uses more of the compiler than a build does.
#[expect(dead_code, reason = "the library's own uses of the compiler are not the build's")]
#[path = "src/codegen/mod.rs"]
mod codegen;

use std::path::Path;
use std::process::ExitCode;

#[expect(clippy::disallowed_methods, reason = "cargo tells a build script its folder this way only")]
fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=providers");
    println!("cargo::rerun-if-changed=src/codegen");
    let compiled = codegen::read_dir(Path::new("providers")).and_then(|files| codegen::compile(&files));
    match compiled {
        Ok(code) => {
            let Some(folder) = std::env::var_os("OUT_DIR") else {
                println!("cargo::error=OUT_DIR is not set: this runs under cargo");
                return ExitCode::FAILURE;
            };
            if let Err(error) = std::fs::write(Path::new(&folder).join("providers.rs"), code) {
                println!("cargo::error=the generated code can't be written: {error}");
                return ExitCode::FAILURE;
            }
            ExitCode::SUCCESS
        }
        Err(problems) => {
            for problem in &problems {
                println!("cargo::error={problem}");
            }
            ExitCode::FAILURE
        }
    }
}
