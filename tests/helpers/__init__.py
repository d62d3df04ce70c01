"""What the tests of several rooms share: servers, runs, tables and pictures made for tests."""
