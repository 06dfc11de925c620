using System.Text;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Filtering;

/// <summary>
/// The values of one field for rows 0 to <see cref="ColumnView.Rows"/> − 1, read out of the metadata once. Strings are
/// numbered, so that a comparison is made once for each different string and then looked up. The column only ever
/// grows: a view taken under the lock stays right while more rows are added behind it.
/// </summary>
internal sealed class FieldColumn(string field)
{
    /// <summary>Of a different string: its object, its places in the array and in the dictionary.</summary>
    private const long TextOverheadBytes = 64;

    private readonly byte[] _field = Encoding.UTF8.GetBytes(field);
    private readonly Lock _lock = new();
    private readonly Dictionary<string, int> _codes = [];
    private ColumnView _view = ColumnView.Empty;
    private ValueKind[] _kinds = [];
    private long[] _bits = [];
    private ValueKind[] _elementKinds = [];
    private long[] _elementBits = [];
    private string[] _texts = [];
    private int _elements;
    private int _found;
    private long _textBytes;
    private bool _isMany;

    /// <summary>Bytes that the column takes, about.</summary>
    public long Bytes
    {
        get
        {
            lock (_lock)
            {
                return (_kinds.Length + _elementKinds.Length) * (sizeof(ValueKind) + (long)sizeof(long))
                    + _textBytes + _codes.Count * TextOverheadBytes;
            }
        }
    }

    /// <summary>The values of the first <paramref name="rows"/> rows, read now as far as they were not
    /// before.</summary>
    public ColumnView View(RowTable table, int rows)
    {
        lock (_lock)
        {
            if (_view.Rows >= rows)
                return _view;

            Grow(ref _kinds, rows);
            Grow(ref _bits, rows);
            for (var row = _view.Rows; row < rows; row++)
                ReadRow(row, table.Record(row).Metadata);

            _view = new ColumnView(rows, _kinds, _bits, _elementKinds, _elementBits, _elements, _texts, _codes.Count);
            return _view;
        }
    }

    /// <summary>The number of a string, or −1 when no row has it.</summary>
    public int CodeOf(string text)
    {
        lock (_lock)
            return _codes.GetValueOrDefault(text, -1);
    }

    /// <summary>The value in progress is an array, however few elements follow.</summary>
    public void BeginArray() => _isMany = true;

    public void AddText(string text)
    {
        if (!_codes.TryGetValue(text, out var code))
        {
            code = _codes.Count;
            _codes.Add(text, code);
            Grow(ref _texts, code + 1);
            _texts[code] = text;
            _textBytes += text.Length * (long)sizeof(char);
        }

        Add(ValueKind.Text, code);
    }

    public void Add(ValueKind kind, long bits)
    {
        Grow(ref _elementKinds, _elements + 1);
        Grow(ref _elementBits, _elements + 1);
        _elementKinds[_elements] = kind;
        _elementBits[_elements] = bits;
        _elements++;
        _found++;
    }

    private void ReadRow(int row, ReadOnlySpan<byte> json)
    {
        _found = 0;
        _isMany = false;
        FieldReader.Read(json, _field, this);
        if (_found == 1 && !_isMany)
        {
            // One plain value moves from the elements into the row itself.
            _elements--;
            _kinds[row] = _elementKinds[_elements];
            _bits[row] = _elementBits[_elements];
        }
        else if (_found > 0 || _isMany)
        {
            _kinds[row] = ValueKind.Many;
            _bits[row] = ((long)(_elements - _found) << 32) | (uint)_found;
        }
    }

    private static void Grow<T>(ref T[] array, int needed)
    {
        if (array.Length < needed)
            Array.Resize(ref array, Math.Max(needed, Math.Max(64, array.Length * 2)));
    }
}

/// <summary>A column as it stood at one moment.</summary>
internal sealed record ColumnView(
    int Rows,
    ValueKind[] Kinds,
    long[] Bits,
    ValueKind[] ElementKinds,
    long[] ElementBits,
    int ElementCount,
    string[] Texts,
    int TextCount)
{
    public static readonly ColumnView Empty = new(0, [], [], [], [], 0, [], 0);

    /// <summary>Where the elements of a row of kind <see cref="ValueKind.Many"/> begin and end.</summary>
    public static (int Start, int End) Elements(long bits)
    {
        var start = (int)(bits >> 32);
        return (start, start + (int)(uint)bits);
    }
}
