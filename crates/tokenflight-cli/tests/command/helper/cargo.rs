//! cargo, against a registry that wants a token for its index.

use crate::support::*;

#[test]
fn cargo_gets_the_token_for_a_registry_that_wants_one() {
    let cargo = PathBuf::from(env::var_os("CARGO").expect("cargo runs the tests, and sets this"));
    let user = User::new();
    let (server, place) = (user.server.clone(), Arc::<Mutex<String>>::default());
    let own = Arc::clone(&place);
    let registry = serve(move |request| {
        let token = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        if !token.is_some_and(|token| server.is_good(token)) {
            return Response::new(401, "").header("www-authenticate", "Bearer");
        }
        match request.path() {
            "/index/config.json" => {
                let dl = format!("http://{}/dl", own.lock().unwrap());
                Response::json(200, &json!({ "dl": dl, "auth-required": true }))
            }
            "/index/th/in/thing" => Response::json(
                200,
                &json!({ "name": "thing", "vers": "1.2.3", "deps": [], "features": {}, "yanked": false, "cksum": "0".repeat(64) }),
            ),
            _ => Response::new(404, ""),
        }
    });
    *place.lock().unwrap() = registry.to_string();
    user.log_in(&[&registry.to_string()]);

    let project = user.work().join("project");
    fs::create_dir_all(project.join("src")).unwrap();
    fs::create_dir_all(project.join(".cargo")).unwrap();
    fs::write(project.join("src/lib.rs"), "").unwrap();
    let manifest = "[package]\nname = \"it\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n\
                    thing = { version = \"1\", registry = \"mine\" }\n";
    fs::write(project.join("Cargo.toml"), manifest).unwrap();
    let provider = [env!("CARGO_BIN_EXE_tokenflight"), "--profile", "default"];
    let config =
        format!("[registries.mine]\nindex = \"sparse+http://{registry}/index/\"\ncredential-provider = {provider:?}\n");
    fs::write(project.join(".cargo/config.toml"), config).unwrap();

    let mut command = user.program(&cargo);
    command.current_dir(&project).env("CARGO_HOME", user.work().join("cargo"));
    command.env("RUSTC", cargo.with_file_name("rustc"));
    let output = command.arg("generate-lockfile").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(fs::read_to_string(project.join("Cargo.lock")).unwrap().contains("version = \"1.2.3\""));
}
