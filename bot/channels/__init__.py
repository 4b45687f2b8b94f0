"""Channel adapters: each turns its platform's input into one InboundMessage and delivers what is said."""
