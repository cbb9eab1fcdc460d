"""A small model built as objects: sums or products with a constant."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from mmzoo.tflite import flatbuffer

ADD, MUL = schema.BuiltinOperator.ADD, schema.BuiltinOperator.MUL
OPTIONS = {
    ADD: (schema.BuiltinOptions.AddOptions, schema.AddOptionsT),
    MUL: (schema.BuiltinOptions.MulOptions, schema.MulOptionsT),
}


def with_constant(code, value, inputs=("x",), output="y", version=b"1.5.0"):
    """Return a model of `output = inputs[0] <code> value [<code> inputs[1]]` on (1, 4) floats."""
    float32 = schema.TensorType.FLOAT32
    tensors = [schema.TensorT(shape=[1, 4], type=float32, name=f"t_{name}") for name in inputs]
    tensors.append(schema.TensorT(shape=[4], type=float32, buffer=1, name="constant"))
    operators, last = [], 0
    for other in range(len(inputs), 0, -1):
        tensors.append(schema.TensorT(shape=[1, 4], type=float32, name=f"sum{other}"))
        options, cls = OPTIONS[code]
        op = schema.OperatorT(opcodeIndex=0, inputs=[last, other], outputs=[len(tensors) - 1])
        op.builtinOptionsType, op.builtinOptions = options, cls()
        operators, last = [*operators, op], len(tensors) - 1
    graph = schema.SubGraphT(tensors=tensors, operators=operators, name="main")
    graph.inputs, graph.outputs = list(range(len(inputs))), [last]
    ins = [schema.TensorMapT(name=name, tensorIndex=i) for i, name in enumerate(inputs)]
    sig = schema.SignatureDefT(signatureKey="serving_default", inputs=ins)
    sig.outputs = [schema.TensorMapT(name=output, tensorIndex=last)]
    data = np.full(4, value, np.float32).view(np.uint8)
    model = schema.ModelT(version=3, subgraphs=[graph], signatureDefs=[sig])
    model.operatorCodes = [schema.OperatorCodeT(deprecatedBuiltinCode=code, builtinCode=code)]
    model.buffers = [schema.BufferT(), schema.BufferT(data=data)]
    flatbuffer.set_metadata(model, "min_runtime_version", version.ljust(16, b"\0"))
    return model
