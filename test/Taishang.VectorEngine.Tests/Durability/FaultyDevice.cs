namespace Taishang.VectorEngine.Tests.Durability;

/// <summary>What goes wrong at a step.</summary>
public enum Fault
{
    /// <summary>The step fails, nothing of it is there.</summary>
    Write,

    /// <summary>Half of a write is there, then it fails.</summary>
    ShortWrite,

    /// <summary>The sync fails; what was written may or may not be on the disk.</summary>
    Sync,

    /// <summary>Everything that takes room fails until it is lifted.</summary>
    Full,

    /// <summary>Everything fails from here on, as for a process that was killed.</summary>
    Gone,
}

/// <summary>The real disk, until a chosen step: the n-th operation that changes something fails.</summary>
internal sealed class FaultyDevice : WrappedDevice
{
    private readonly Lock _lock = new();
    private int _steps;
    private int _failAt = int.MaxValue;
    private Fault _fault;

    private enum StepKind
    {
        TakesRoom,
        GivesRoom,
        Sync,
    }

    /// <summary>Changing operations since the last <see cref="FailAt"/>.</summary>
    public int Steps
    {
        get
        {
            lock (_lock)
                return _steps;
        }
    }

    public bool HasFailed { get; private set; }

    /// <summary>Lets the step with this number (from 0) fail; a full disk stays full, and a killed process dead, until
    /// <see cref="Heal"/>.</summary>
    public void FailAt(int step, Fault fault)
    {
        lock (_lock)
        {
            _steps = 0;
            _failAt = step;
            _fault = fault;
            HasFailed = false;
        }
    }

    public void Heal() => FailAt(int.MaxValue, Fault.Write);

    protected override void BeforeCreate(string path) => Step(StepKind.TakesRoom);

    protected override int BeforeWrite(string path, long offset, int bytes) =>
        Step(StepKind.TakesRoom, isWrite: true) ? bytes : bytes / 2;

    protected override void BeforeSetLength(string path, long bytes) => Step(StepKind.GivesRoom);

    protected override void BeforeSync(string path) => Step(StepKind.Sync);

    protected override void BeforeRename(string from, string to) => Step(StepKind.TakesRoom);

    protected override void BeforeDelete(string path) => Step(StepKind.GivesRoom);

    /// <summary>Counts a step; throws when it is the one, or says that half of a write happens.</summary>
    private bool Step(StepKind kind, bool isWrite = false)
    {
        lock (_lock)
        {
            var step = _steps++;
            var isDue = _fault switch
            {
                Fault.Full => step >= _failAt && kind == StepKind.TakesRoom,
                Fault.Gone => step >= _failAt,
                _ => step == _failAt,
            };
            if (!isDue)
                return true;

            HasFailed = true;
            return isWrite && _fault == Fault.ShortWrite
                ? false
                : throw new IOException($"injected {_fault} at step {step}");
        }
    }
}
