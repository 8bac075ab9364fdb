"""The pages; which of them a person sees is decided in ``dashboard.app``."""
