"""For tests of applications: a pytest plugin with a running simulator and a running Penstock."""
