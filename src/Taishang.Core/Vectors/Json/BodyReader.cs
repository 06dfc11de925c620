using System.Buffers.Text;
using System.Runtime.InteropServices;
using System.Text.Json;
using Taishang.Core.Api;

namespace Taishang.Core.Vectors.Json;

/// <summary>
/// A strict reader of one body, without reflection. What is not JSON stops it at once; a broken rule is noted with its
/// field and row, the value is passed over, and reading goes on, so that the caller learns of all of them together.
/// </summary>
internal ref struct BodyReader
{
    private static readonly JsonReaderOptions Options = new() { MaxDepth = ApiJson.DepthMax };

    private readonly ReadOnlySpan<byte> _body;
    private Utf8JsonReader _reader;

    /// <summary>Where in the body the present reader began: it is begun anew behind each plain vector.</summary>
    private int _base;

    /// <param name="body">Text whose UTF-8 and escapes were checked (<see cref="JsonBody.ReadTextAsync"/>).</param>
    /// <param name="errors">Takes the broken rules.</param>
    /// <exception cref="ApiException">The body is not an object.</exception>
    public BodyReader(ReadOnlySpan<byte> body, FieldErrors errors)
    {
        _body = body;
        _reader = new Utf8JsonReader(body, Options);
        Errors = errors;
        _reader.Read();
        if (_reader.TokenType != JsonTokenType.StartObject)
            throw new ApiException(ErrorCodes.WrongType, $"body: expected an object, came {Came()}");
    }

    /// <summary>Reads a whole body with what knows its fields.</summary>
    /// <param name="json">As the constructor's.</param>
    /// <param name="fields">Reads from the first field on.</param>
    /// <exception cref="ApiException">With every broken rule that was found.</exception>
    public static void ReadAll(ReadOnlySpan<byte> json, FieldsReader fields)
    {
        var errors = new FieldErrors();
        try
        {
            var reader = new BodyReader(json, errors);
            fields(ref reader);
        }
        catch (JsonException e)
        {
            throw Explain(json, e);
        }

        errors.ThrowIfAny();
    }

    public FieldErrors Errors { get; }

    public readonly JsonTokenType Token => _reader.TokenType;

    public readonly bool IsNull => _reader.TokenType == JsonTokenType.Null;

    private readonly int Position => _base + (int)_reader.TokenStartIndex;

    /// <summary>Next token; the reader throws where the JSON ends or breaks.</summary>
    public bool Read() => _reader.Read();

    /// <summary>True while the object that was entered has another field; its name is the token then.</summary>
    public bool NextField() => _reader.Read() && _reader.TokenType == JsonTokenType.PropertyName;

    /// <summary>True while the array that was entered has another element, which is the token then.</summary>
    public bool NextElement() => _reader.Read() && _reader.TokenType != JsonTokenType.EndArray;

    public readonly bool Is(ReadOnlySpan<byte> name) => _reader.ValueTextEquals(name);

    /// <summary>Notes an unknown name and passes over its value.</summary>
    public void RefuseField(FieldPath parent, string expected)
    {
        var name = Cut(Text());
        var field = parent.List is null && parent.Name.Length == 0 ? name : $"{parent}.{name}";
        Errors.Add(ErrorCodes.UnknownField, field, $"not a field of this request, which takes {expected}");
        _reader.Read();
        _reader.Skip();
    }

    /// <summary>
    /// Marks a field as seen; false, with the error noted and the value passed over, when it was before.
    /// </summary>
    public bool Once(ref int seen, int bit, FieldPath path)
    {
        _reader.Read();
        if ((seen & bit) == 0)
        {
            seen |= bit;
            return true;
        }

        Errors.Add(ErrorCodes.MalformedJson, path.ToString(), "given twice");
        _reader.Skip();
        return false;
    }

    /// <summary>Checks that the value is an object or an array; else notes it and passes over.</summary>
    public bool Enters(JsonTokenType token, FieldPath path)
    {
        if (_reader.TokenType == token) return true;
        WrongType(path, token == JsonTokenType.StartArray ? "an array" : "an object");
        return false;
    }

    public void WrongType(FieldPath path, string expected)
    {
        Errors.Add(ErrorCodes.WrongType, path.ToString(), $"expected {expected}, came {Came()}");
        _reader.Skip();
    }

    /// <summary>A text of 1 to <paramref name="charactersMax"/> characters; null when refused.</summary>
    public string? String(FieldPath path, int charactersMax)
    {
        if (_reader.TokenType != JsonTokenType.String)
        {
            WrongType(path, "a string");
            return null;
        }

        var text = Text();
        if (text.Length >= 1 && text.Length <= charactersMax) return text;
        Errors.Add(ErrorCodes.InvalidArgument, path.ToString(),
            $"expected 1 to {charactersMax} characters, came {text.Length}");
        return null;
    }

    public long? Integer(FieldPath path, long min, long max)
    {
        if (_reader.TokenType != JsonTokenType.Number)
        {
            WrongType(path, $"a whole number from {min} to {max}");
            return null;
        }

        if (_reader.TryGetInt64(out var value) && value >= min && value <= max) return value;
        Errors.Add(ErrorCodes.InvalidArgument, path.ToString(),
            $"expected a whole number from {min} to {max}, came {Raw()}");
        return null;
    }

    public bool? Boolean(FieldPath path)
    {
        if (_reader.TokenType is JsonTokenType.True or JsonTokenType.False) return _reader.GetBoolean();
        WrongType(path, "true or false");
        return null;
    }

    public float? Float(FieldPath path)
    {
        if (_reader.TokenType != JsonTokenType.Number)
        {
            WrongType(path, "a number");
            return null;
        }

        if (_reader.TryGetSingle(out var value) && float.IsFinite(value)) return value;
        Errors.Add(ErrorCodes.InvalidArgument, path.ToString(), $"expected a finite float32, came {Raw()}");
        return null;
    }

    /// <summary>A whole number as an id; null when it is none of 64 bits.</summary>
    public readonly long? TryInteger() => _reader.TryGetInt64(out var value) ? value : null;

    /// <summary>
    /// An array of finite float32 numbers; false, with the first bad component noted, when it is not.
    /// </summary>
    public bool Vector(FieldPath path, FloatBuffer buffer)
    {
        if (!Enters(JsonTokenType.StartArray, path)) return false;
        if (FloatArrayParser.TryParse(_body, _base + (int)_reader.BytesConsumed, buffer, out var end))
        {
            // The state stands behind the opening bracket; reading on at the closing one is an empty array to it.
            _reader = new Utf8JsonReader(_body[end..], isFinalBlock: true, _reader.CurrentState);
            _base = end;
            _reader.Read();
            return true;
        }

        return VectorSlowly(path, buffer);
    }

    /// <summary>Base64 of little-endian float32; false, with the reason noted, when it is not.</summary>
    public bool VectorBase64(FieldPath path, FloatBuffer buffer)
    {
        if (_reader.TokenType != JsonTokenType.String)
        {
            WrongType(path, "a string of base64");
            return false;
        }

        if (!TryBase64(buffer, out var bytes))
        {
            Errors.Add(ErrorCodes.InvalidArgument, path.ToString(), bytes < 0
                ? "expected base64 with padding of little-endian float32"
                : $"expected base64 of a multiple of 4 bytes, came {bytes} bytes");
            return false;
        }

        var values = buffer.Written;
        for (var i = 0; i < values.Length; i++)
        {
            if (float.IsFinite(values[i])) continue;
            Errors.Add(ErrorCodes.VectorNotFinite, $"{path}[{i}]", $"expected a finite float32, came {values[i]}");
            return false;
        }

        return true;
    }

    /// <summary>The bytes of an object, checked for doubled names, broken text and numbers beyond double.</summary>
    public ReadOnlySpan<byte> Object(FieldPath path, ErrorCode code, int bytesMax)
    {
        if (!Enters(JsonTokenType.StartObject, path)) return default;
        var start = Position;
        var fault = JsonObjectCheck.Walk(ref _reader);
        var bytes = _body[start..(_base + (int)_reader.BytesConsumed)];
        if (fault is null && bytes.Length > bytesMax) fault = $"expected at most {bytesMax} bytes, came {bytes.Length}";
        if (fault is null) return bytes;
        Errors.Add(code, path.ToString(), fault);
        return default;
    }

    public void Skip() => _reader.Skip();

    /// <summary>Reads to the end: what follows the object is refused by the reader.</summary>
    public void Finish()
    {
        while (_reader.Read())
        {
        }
    }

    /// <summary>The error as the body stands, since a reader begun anew has lost count of lines.</summary>
    private static ApiException Explain(ReadOnlySpan<byte> body, JsonException e)
    {
        try
        {
            var reader = new Utf8JsonReader(body, Options);
            while (reader.Read())
            {
            }
        }
        catch (JsonException exact)
        {
            return JsonFault.Explain(exact);
        }

        return JsonFault.Explain(e);
    }

    private bool VectorSlowly(FieldPath path, FloatBuffer buffer)
    {
        buffer.Clear();
        var depth = _reader.CurrentDepth;
        var whole = true;
        while (_reader.Read() && !(_reader.TokenType == JsonTokenType.EndArray && _reader.CurrentDepth == depth))
        {
            if (!whole) continue;
            if (_reader.TokenType == JsonTokenType.Number)
            {
                whole = _reader.TryGetSingle(out var value) && float.IsFinite(value);
                if (whole) buffer.Add(value);
                else
                    Errors.Add(ErrorCodes.VectorNotFinite, $"{path}[{buffer.Count}]",
                        $"expected a finite float32, came {Raw()}");
                continue;
            }

            whole = false;
            var code = IsNotFiniteText() ? ErrorCodes.VectorNotFinite : ErrorCodes.WrongType;
            Errors.Add(code, $"{path}[{buffer.Count}]", $"expected a number, came {Came()}");
        }

        return whole;
    }

    /// <summary>NaN and infinity have no form in JSON; some writers put them into strings.</summary>
    private readonly bool IsNotFiniteText() => _reader.TokenType == JsonTokenType.String
        && (_reader.ValueTextEquals("NaN"u8) || _reader.ValueTextEquals("Infinity"u8)
            || _reader.ValueTextEquals("-Infinity"u8) || _reader.ValueTextEquals("inf"u8));

    private bool TryBase64(FloatBuffer buffer, out int bytes)
    {
        bytes = -1;
        byte[]? unescaped = null;
        var text = _reader.ValueSpan;
        if (_reader.ValueIsEscaped)
        {
            unescaped = new byte[text.Length];
            text = unescaped.AsSpan(0, _reader.CopyString(unescaped));
        }

        if (!Base64.IsValid(text, out var decoded)) return false;
        bytes = decoded;
        if (decoded % sizeof(float) != 0) return false;
        var values = buffer.Take(decoded / sizeof(float));
        Base64.DecodeFromUtf8(text, MemoryMarshal.AsBytes(values), out _, out _);
        if (!BitConverter.IsLittleEndian)
        {
            var words = MemoryMarshal.Cast<float, int>(values);
            System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(words, words);
        }

        return true;
    }

    public readonly string Text() => _reader.GetString() ?? "";

    private readonly string Raw() => Cut(System.Text.Encoding.UTF8.GetString(
        _reader.ValueSpan[..Math.Min(_reader.ValueSpan.Length, 64)]));

    private readonly string Came() => _reader.TokenType switch
    {
        JsonTokenType.StartObject => "an object",
        JsonTokenType.StartArray => "an array",
        JsonTokenType.String => $"the string '{Raw()}'",
        JsonTokenType.Number => $"the number {Raw()}",
        JsonTokenType.True or JsonTokenType.False => "a boolean",
        JsonTokenType.Null => "null",
        _ => "nothing",
    };

    private static string Cut(string text) => text.Length <= 40 ? text : text[..40] + "…";
}

/// <summary>Reads the fields of one kind of body.</summary>
internal delegate void FieldsReader(ref BodyReader reader);
