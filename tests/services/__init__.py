"""Real servers for tests, each private: own folder, own port, ended with the process that started it."""
