"""Opens libraries with ctypes: each argument is one."""
import ctypes
import sys

for path in sys.argv[1:]:
    amp = ctypes.CDLL(path)
    amp.amp_last_error.restype = ctypes.c_char_p
    amp.amp_describe_node_type.restype = ctypes.c_void_p
    amp.amp_graph_runtime_create_json.restype = ctypes.c_void_p
    assert amp.amp_abi_version() == 2
    assert amp.amp_describe_node_type(b"NoSuchNode") is None
    assert b"NoSuchNode" in amp.amp_last_error(), amp.amp_last_error()
    r = amp.amp_graph_runtime_create_json(b'{"nodes": [{"name": "one", "type": "ConstantNode", "params": {"value": 0.25}}]}')
    assert r, amp.amp_last_error()
    y, size = ctypes.POINTER(ctypes.c_double)(), [ctypes.c_uint32() for _ in range(3)]
    code = amp.amp_graph_runtime_execute(ctypes.c_void_p(r), None, 0, 16, ctypes.c_double(48000), ctypes.byref(y), *map(ctypes.byref, size))
    assert code == 0, amp.amp_last_error()
    assert y[:16] == [0.25] * 16
    amp.amp_graph_runtime_destroy(ctypes.c_void_p(r))
