"""What a SavedModel would execute, read from its graph before it is loaded.

A SavedModel is a program. TensorFlow's loader runs some of its functions, and its operators can read and write files
and open connections. Only operators that compute on tensors are executed here. https://www.tensorflow.org/security,
"Untrusted models".
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mmzoo.errors import BadInputError

GRAPH = "saved_model.pb"
OTHER_GRAPHS = ("saved_model.pbtxt", "saved_model.cpb")  # which the loader would read, too
MOST_BYTES = 512_000_000  # of a graph

# operators that compute on numbers: the exports of all recipes and parts, and more of Keras' layers and `keras.ops`
MATHS = """
Abs Acos Acosh Add AddN AddV2 All Any ArgMax ArgMin Asin Asinh Atan Atan2 Atanh BatchMatMul BatchMatMulV2 BatchMatMulV3
BitwiseAnd BitwiseOr BitwiseXor Ceil ClipByValue Complex ComplexAbs Conj Cos Cosh Cross Cumprod Cumsum
CumulativeLogsumexp Digamma Div DivNoNan Einsum Equal Erf Erfc Erfinv Exp Expm1 FFT FFT2D Floor FloorDiv FloorMod
Greater GreaterEqual IFFT IFFT2D IRFFT IRFFT2D Imag Inv Invert IsFinite IsInf IsNan L2Loss LeftShift Less LessEqual
Lgamma LinSpace Log Log1p LogicalAnd LogicalNot LogicalOr MatMul MatrixBandPart MatrixDiagPartV3 MatrixDiagV3
MatrixSetDiagV3 Max Maximum Mean Min Minimum Mod Mul MulNoNan Neg NotEqual OneHot Pow Prod RFFT RFFT2D Range Real
RealDiv Reciprocal RightShift Rint Round Rsqrt SegmentMax SegmentMean SegmentMin SegmentProd SegmentSum Select SelectV2
Sign Sin Sinh Sqrt Square SquaredDifference Sub Sum Tan Tanh TopK TopKV2 TruncateDiv TruncateMod UnsortedSegmentMax
UnsortedSegmentMin UnsortedSegmentProd UnsortedSegmentSum Xdivy Xlog1py Xlogy
"""
SHAPES = """
BatchToSpace BatchToSpaceND Bitcast BroadcastArgs BroadcastTo Cast Concat ConcatV2 Const DepthToSpace DynamicPartition
DynamicStitch EnsureShape ExpandDims Fill Gather GatherNd GatherV2 Identity IdentityN InvertPermutation MirrorPad NoOp
OnesLike Pack Pad PadV2 ParallelDynamicStitch Placeholder PlaceholderWithDefault PreventGradient Rank Reshape Reverse
ReverseSequence ReverseV2 Roll ScatterNd Shape ShapeN Size Slice SpaceToBatch SpaceToBatchND SpaceToDepth Split SplitV
Squeeze StopGradient StridedSlice TensorScatterAdd TensorScatterMax TensorScatterMin TensorScatterSub
TensorScatterUpdate Tile Transpose Unpack Where ZerosLike
"""
LAYERS = """
AvgPool AvgPool3D BiasAdd Bincount Bucketize Conv Conv2D Conv2DBackpropInput Conv3D Conv3DBackpropInputV2
CropAndResize DenseBincount DepthwiseConv2dNative DepthwiseConv2dNativeBackpropInput Dilation2D Elu ExtractImagePatches
FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars FakeQuantWithMinMaxVarsPerChannel FusedBatchNorm FusedBatchNormV2
FusedBatchNormV3 HSVToRGB ImageProjectiveTransformV2 ImageProjectiveTransformV3 InTopKV2 LRN LeakyRelu LogSoftmax
MaxPool MaxPool3D MaxPoolV2 NonMaxSuppressionV3 NonMaxSuppressionV4 NonMaxSuppressionV5 CombinedNonMaxSuppression
QuantizeAndDequantizeV2 QuantizeAndDequantizeV3 QuantizeAndDequantizeV4 RGBToHSV Relu Relu6 ResizeArea ResizeBicubic
ResizeBilinear ResizeNearestNeighbor ScaleAndTranslate Selu Sigmoid Softmax Softplus Softsign
SparseSoftmaxCrossEntropyWithLogits SoftmaxCrossEntropyWithLogits StatelessRandomGetKeyCounter StatelessRandomNormalV2
StatelessRandomUniformIntV2 StatelessRandomUniformV2 StatelessTruncatedNormalV2
"""
CALLS = """
Case If PartitionedCall ReadVariableOp StatefulPartitionedCall StatelessCase StatelessIf StatelessWhile While
EmptyTensorList TensorListConcatV2 TensorListElementShape TensorListFromTensor TensorListGather TensorListGetItem
TensorListLength TensorListPopBack TensorListPushBack TensorListReserve TensorListScatterV2 TensorListSetItem
TensorListStack
"""
COMPUTING = frozenset(f"{MATHS} {SHAPES} {LAYERS} {CALLS}".split())
# what saving and restoring variables adds: functions that no signature calls, and that the loader does not run
WRITING = """
AssignVariableOp DisableCopyOnRead MergeV2Checkpoints RestoreV2 SaveV2 ShardedFilename StaticRegexFullMatch StringJoin
VarHandleOp VarIsInitializedOp
"""
SAVING = frozenset(WRITING.split())
OBJECTS = frozenset(["user_object", "function", "bare_concrete_function", "variable", "constant", "captured_tensor"])


def check_operators(path: str | Path) -> None:
    """Check that the SavedModel at `path` only computes; nothing of it is executed.

    The functions that its objects and signatures reach may have the operators `COMPUTING`. All others, which save and
    restore variables, may also have `SAVING`.

    Raises:
        BadInputError: it has another operator, which is named, calls a function that it does not have, has files of its
            own, or is no SavedModel of TensorFlow 2.
    """
    path = Path(path)
    graph = _read(path)
    functions = {one.signature.name: one for one in graph.graph_def.library.function}
    reached = _reached(path, graph.object_graph_def.concrete_functions, functions)
    for name, function in functions.items():
        # a function with `api_implements` may be exchanged for another one of the same value
        saves = name not in reached and "api_implements" not in function.attr
        _check_nodes(path, function.node_def, COMPUTING | SAVING if saves else COMPUTING, functions)
    _check_nodes(path, graph.graph_def.node, COMPUTING | SAVING, functions)
    for one in graph.object_graph_def.nodes:
        if one.WhichOneof("kind") not in OBJECTS:
            raise _refused(path, f"an object of the kind {one.WhichOneof('kind')}")


def _read(path: Path) -> Any:
    """Return the only `MetaGraphDef` of the SavedModel at `path`."""
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    file, whole = path / GRAPH, saved_model_pb2.SavedModel()
    others = [name for name in OTHER_GRAPHS if (path / name).exists()]
    if not file.is_file() or others or file.stat().st_size > MOST_BYTES:
        found = ", ".join(sorted(one.name for one in path.iterdir())) or "nothing"
        raise BadInputError(f"{path}: expected a SavedModel with one {GRAPH}. Received a folder with {found:.200}")
    try:
        whole.ParseFromString(file.read_bytes())
    except DecodeError as error:
        raise BadInputError(f"{file}: expected the graph of a SavedModel. Received: {error}") from None
    if len(whole.meta_graphs) != 1 or not whole.meta_graphs[0].HasField("object_graph_def"):
        raise BadInputError(f"{file}: expected a SavedModel of TensorFlow 2 with one graph. Received: another one")
    return whole.meta_graphs[0]


def _reached(path: Path, names: Iterable[str], functions: dict[str, Any]) -> set[str]:
    """Return `names` and the names of all functions that they call, directly or through others."""
    reached, waiting = set(), list(names)
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        if name not in functions:
            raise _refused(path, f"a call of {name!r:.80}, which is not in it")
        reached.add(name)
        waiting += [called for node in functions[name].node_def for called in _called(node, functions)]
    return reached


def _called(node: Any, functions: dict[str, Any]) -> Iterator[str]:
    """Yield the names of the functions that a node calls."""
    if node.op in functions:
        yield node.op
    for value in node.attr.values():
        if value.HasField("func"):
            yield value.func.name
        yield from (one.name for one in value.list.func)


def _check_nodes(path: Path, nodes: Iterable[Any], allowed: frozenset[str], functions: dict[str, Any]) -> None:
    for node in nodes:
        if node.op not in allowed:
            raise _refused(path, f"the operator {node.op!r:.80}")
        for name in _called(node, functions):
            if name not in functions:
                raise _refused(path, f"a call of {name!r:.80}, which is not in it")


def _refused(path: Path, received: str) -> BadInputError:
    said = f"{path}: expected operators that only compute. Received: {received}"
    return BadInputError(f"{said}; it is not executed; if you trust it, allow it with `trust`")
