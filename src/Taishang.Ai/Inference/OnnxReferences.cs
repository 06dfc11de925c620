using System.Text;
using Taishang.Ai.Models;

namespace Taishang.Ai.Inference;

/// <summary>
/// Finds the files that an ONNX file refers to for its weights (<c>external_data</c> of its tensors), by a walk over
/// the messages that can hold a tensor. All else is skipped by seeking, the weights within the file too, so that a file
/// of any size costs no memory and a small part of a read.
/// </summary>
/// <remarks>
/// The numbers are those of onnx.proto: a model holds a graph, graphs of its training and functions, a graph nodes,
/// tensors and sparse tensors, a node attributes, an attribute tensors and graphs.
/// </remarks>
internal sealed class OnnxReferences
{
    /// <summary>Different files of one model; more are refused.</summary>
    public const int FilesMax = 10_000;

    /// <summary>Graphs within graphs; the runtime's own reader stops at a hundred messages.</summary>
    private const int DepthMax = 100;

    private const int BufferBytes = 64 << 10;
    private const int TextBytesMax = 4_096;

    private readonly Stream _file;
    private readonly byte[] _buffer = new byte[BufferBytes];
    private readonly SortedSet<string> _found = new(StringComparer.Ordinal);
    private long _bufferAt;
    private int _buffered;
    private long _at;

    private OnnxReferences(Stream file) => _file = file;

    private enum Kind
    {
        Model,
        Graph,
        Function,
        Training,
        Node,
        Attribute,
        Tensor,
        SparseTensor,
        Entry,
    }

    /// <summary>Names as the file gives them, each once, in ordinal order. Of what is no ONNX file, none: that is for
    /// the runtime to say.</summary>
    /// <exception cref="ModelException">Of kind LoadFailed: more files than are allowed.</exception>
    public static IReadOnlyCollection<string> Of(Stream file)
    {
        var references = new OnnxReferences(file);
        try
        {
            references.Walk(Kind.Model, file.Length, 0);
        }
        catch (FormatException)
        {
            return [];
        }
        return references._found;
    }

    private static Kind? Inside(Kind kind, int field) => (kind, field) switch
    {
        (Kind.Model, 7) => Kind.Graph,
        (Kind.Model, 20) => Kind.Training,
        (Kind.Model, 25) => Kind.Function,
        (Kind.Training, 1 or 2) => Kind.Graph,
        (Kind.Graph, 1) or (Kind.Function, 7) => Kind.Node,
        (Kind.Graph, 5) or (Kind.Attribute, 5 or 10) or (Kind.SparseTensor, 1 or 2) => Kind.Tensor,
        (Kind.Graph, 15) or (Kind.Attribute, 22 or 23) => Kind.SparseTensor,
        (Kind.Node, 5) or (Kind.Function, 11) => Kind.Attribute,
        (Kind.Attribute, 6 or 11) => Kind.Graph,
        (Kind.Tensor, 13) => Kind.Entry,
        _ => null,
    };

    private void Walk(Kind kind, long end, int depth)
    {
        if (depth > DepthMax) throw new FormatException();
        string key = "";
        string value = "";
        while (_at < end)
        {
            ulong tag = Varint();
            if ((tag & 7) != 2)
            {
                SkipNumber((int)(tag & 7), end, depth);
                continue;
            }
            int field = (int)Math.Min(tag >> 3, int.MaxValue);
            ulong length = Varint();
            if (length > (ulong)(end - _at)) throw new FormatException();
            long partEnd = _at + (long)length;
            if (Inside(kind, field) is { } inner) Walk(inner, partEnd, depth + 1);
            else if (kind == Kind.Entry && field == 1) key = Text((int)Math.Min(length, TextBytesMax));
            else if (kind == Kind.Entry && field == 2) value = Text((int)Math.Min(length, TextBytesMax));
            _at = partEnd;
        }
        if (_at != end) throw new FormatException();
        if (key != "location" || !_found.Add(value) || _found.Count <= FilesMax) return;
        throw new ModelException(
            ModelErrorKind.LoadFailed, $"model: its file refers to more than {FilesMax} files of weights.");
    }

    /// <summary>A field that is no text, message or bytes.</summary>
    private void SkipNumber(int wireType, long end, int depth)
    {
        switch (wireType)
        {
            case 0:
                Varint();
                break;
            case 1:
                _at += sizeof(long);
                break;
            case 5:
                _at += sizeof(int);
                break;
            case 3:
                SkipGroup(end, depth + 1);
                break;
            default:
                throw new FormatException();
        }
        if (_at > end) throw new FormatException();
    }

    // A form of old, which the runtime's reader still steps over.
    private void SkipGroup(long end, int depth)
    {
        if (depth > DepthMax) throw new FormatException();
        while (_at < end)
        {
            int wireType = (int)(Varint() & 7);
            if (wireType == 4) return;
            if (wireType != 2)
            {
                SkipNumber(wireType, end, depth);
                continue;
            }
            ulong length = Varint();
            if (length > (ulong)(end - _at)) throw new FormatException();
            _at += (long)length;
        }
        throw new FormatException();
    }

    private string Text(int length)
    {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) bytes[i] = Next();
        return Encoding.UTF8.GetString(bytes);
    }

    private ulong Varint()
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            byte piece = Next();
            value |= (ulong)(piece & 0x7f) << shift;
            if (piece < 0x80) return value;
        }
        throw new FormatException();
    }

    private byte Next()
    {
        if (_at < _bufferAt || _at >= _bufferAt + _buffered)
        {
            _file.Position = _at;
            _buffered = _file.Read(_buffer);
            _bufferAt = _at;
            if (_buffered == 0) throw new FormatException();
        }
        return _buffer[_at++ - _bufferAt];
    }
}
