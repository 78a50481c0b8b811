//! Prints an access token; however many run at once, one refreshes. See `login.rs` beside it.

mod session;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("{}", session::session()?.token().await?.access().expose());
    Ok(())
}
